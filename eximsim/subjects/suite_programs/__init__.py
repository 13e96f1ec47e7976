"""The programs of Exim's test suite, for machines without a compiler; each runs as one inside a namespace."""
