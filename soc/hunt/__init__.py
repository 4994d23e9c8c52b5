"""Looking for new indicators in what came before they were known: ``look`` is one hunt, ``hunter`` has them done by themselves."""
