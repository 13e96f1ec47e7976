#!/bin/sh
# Exim's own test suite on a program that has been built, on any CI runner:
#
#   exim-suite.sh PROGRAM TREE [BASELINE]
#
# TREE is the test/ folder that belongs to PROGRAM; the utilities of the build (exim_dumpdb, exinext, ...) stand
# beside PROGRAM. With BASELINE, what an earlier run left as suite.jsonl, only what is worse since then counts.
# Leaves suite.html, suite.xml (JUnit), suite.jsonl, failed-summary.log and run-summary.log where it was started.
# Exit code 0: as it should be; 1: a test failed; 2: bad arguments; 3: nothing could be run.
set -eu

program=${1:?"usage: exim-suite.sh PROGRAM TREE [BASELINE]"}
tree=${2:?"usage: exim-suite.sh PROGRAM TREE [BASELINE]"}
set -- --tree "$tree" --subject "exim:$program" --jobs "$(nproc)" ${3:+--baseline "$3"}

exec eximsim suite "$@" --html suite.html --junit suite.xml --summary . --json >suite.jsonl
