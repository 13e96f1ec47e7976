"""The harness: script language, normalisations, goldens, runner, and the reader of an Exim source tree."""
