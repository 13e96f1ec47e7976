"""Small tools without state, below everything else: strings, parsing, addresses, decision tables."""
