"""Scenarios made at random, what they promise, and the search for one that breaks a promise.

For tests of one's own there are two modules of Hypothesis strategies:

    from eximsim.fuzz import schedules, worlds

    worlds.situations()             a suite.recording.Situation: zone, servers, settings, recipients
    schedules.schedules(situation)  when the name server's answers to its questions come

Neither is imported before it is asked for.
"""
