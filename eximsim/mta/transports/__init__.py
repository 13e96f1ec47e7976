"""From hosts to a message that was taken: src/transports/smtp.c with DANE, TLS and retry data."""
