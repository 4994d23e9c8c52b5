"""The story's console for every test of this folder."""

import asyncio
import importlib.util
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType

import pytest
from aiohttp.test_utils import TestClient


def _load() -> ModuleType:
    name = "console_story"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("story.py"))
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


story_module = _load()
sys.modules["soc.console.auth"]._N = 2**8  # hashing as slowly as in production would take half a minute here


@pytest.fixture
def story() -> ModuleType:
    """The module that tells the story."""
    return story_module


@pytest.fixture(scope="session")
def users_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Accounts of every role, made once: hashing passwords is slow on purpose."""
    directory = tmp_path_factory.mktemp("users")
    story_module.accounts(directory)
    return directory


@pytest.fixture
def console(tmp_path: Path, users_dir: Path) -> Callable[..., None]:
    """Run a test's body against a console of its own; its accounts are a copy."""
    (tmp_path / "users.json").write_bytes((users_dir / "users.json").read_bytes())

    def run(body: Callable[..., Awaitable[None]], **changes: object) -> None:
        async def inside() -> None:
            async with story_module.world(tmp_path, tmp_path, **changes) as world:
                await body(world)

        asyncio.run(inside())

    return run


class SignedIn:
    """A browser with a session: gets pages, sends forms with the page's own token."""

    def __init__(self, world: object, name: str) -> None:
        from soc.console.context import CONSOLE
        from soc.console.sessions import csrf_of

        self.client: TestClient = world.client
        self.session = world.app[CONSOLE].sessions.open(name)
        self.csrf = csrf_of(self.session)
        self.cookies = {"soc_session": self.session}

    async def get(self, path: str, **headers: str):
        return await self.client.get(path, cookies=self.cookies, headers=headers, allow_redirects=False)

    async def text(self, path: str) -> str:
        return await (await self.get(path)).text()

    async def post(self, path: str, fields: dict[str, str], **headers: str):
        data = {"csrf": self.csrf, **fields}
        return await self.client.post(path, data=data, cookies=self.cookies, headers=headers, allow_redirects=False)

    async def act(self, path: str, kind: str, **fields: str):
        filled = {"kind": kind, "action_id": f"action-{kind}", "expected_revision": "0", **fields}
        return await self.post(path, filled)


@pytest.fixture
def sign_in() -> Callable[[object, str], SignedIn]:
    """A signed-in browser by user name."""
    return SignedIn


@pytest.fixture
def forms() -> Callable[[str], list[str]]:
    """The POST forms of a page."""
    return lambda html: re.findall(r'<form[^>]*method="post".*?</form>', html, re.DOTALL)
