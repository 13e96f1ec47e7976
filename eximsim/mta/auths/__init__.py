"""Authentication as a client: src/auths/. Below the transports, which hand it their dialogue."""
