"""Running one test: its script against a subject in a world, its outputs, and how they compare."""

from __future__ import annotations

import posixpath
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from enum import Enum

from eximsim.errors import InputError, Unsupported
from eximsim.profiles import Profile
from eximsim.profiles import profile as profile_named
from eximsim.subjects.subject import Result, Subject
from eximsim.suite import golden, outputs, requirements, script, shell
from eximsim.suite.golden import Comparison
from eximsim.suite.normalisation import Identity
from eximsim.suite.outputs import Raw
from eximsim.suite.scripted_client import read_client
from eximsim.suite.scripted_server import ScriptedServer, read_server
from eximsim.suite.source import DIRECTORY, Source, TestCase, as_bytes, substitute
from eximsim.trace import Trace
from eximsim.world.host import Host, HostedWorld
