"""What every section of the settings is: frozen, and an unknown key in it is an error."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """One table of ``soc.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")
