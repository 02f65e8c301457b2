"""What a node's shell does for a profile before Python starts: variables, modules, set-up lines, a look at Python.

Whatever ends the shell on the way there is told in one line that names the profile's file and key.
"""

from __future__ import annotations

import shlex

from hpcsweep.slurm.terms import SlurmTerms
from hpcsweep.slurm.watching.causes import NO_PYTHON_CODE, SETUP_FAILED_CODE, UNFIT_PYTHON_CODE

# read by whatever Python there is, so in the syntax of Python 2 and 3.0
CHECK_PYTHON = (
    "import sys; v = sys.version_info[:2]; import pkgutil\n"
    "has = [m[1] for m in pkgutil.iter_modules() if m[1] == 'numpy']\n"
    "n = tuple(int(p) for p in __import__('numpy').__version__.split('.')[:2]) if has and v >= (3, 9) else (0, 0)\n"
    "bad = 'Python %d.%d' % v if v < (3, 9) else 'no NumPy' if not has else 'NumPy %d.%d' % n if n < (1, 23) else ''\n"
    "bad and sys.stderr.write('found ' + bad + ' for the workers, expected Python 3.9 and NumPy 1.23 or newer\\n')\n"
    f"bad and sys.exit({UNFIT_PYTHON_CODE})"
)

# `hpcsweep_at` is the place in the profile that the shell is at: whatever ends the shell there is that line's failure.
# Modules of releases before 4 do not tell by their exit code that they have loaded nothing.
_FUNCTIONS = f"""\
hpcsweep_before_work() {{
  [ -z "$hpcsweep_at" ] && return
  echo "hpcsweep: $hpcsweep_at failed before the worker began: ${{hpcsweep_why:-exit code $hpcsweep_code}}" >&2
  hpcsweep_code={SETUP_FAILED_CODE}
}}
hpcsweep_load() {{
  command -v module >/dev/null || {{ hpcsweep_why="this node has no command 'module'"; return 127; }}
  module load "$1" || return
  case ":$LOADEDMODULES:" in *":$1:"*|*":$1/"*) ;; *) [ "${{MODULE_VERSION%%.*}}" != 3 ] ;; esac
}}
hpcsweep_try_python() {{
  local said code
  said="$("$@" 2>&1)" && return
  code=$?
  echo "$said" >&2
  echo "hpcsweep: $hpcsweep_python: ${{said##*$'\\n'}}" >&2
  [ "$code" -eq {UNFIT_PYTHON_CODE} ] || code={NO_PYTHON_CODE}
  exit "$code"
}}"""
# On many clusters only login shells have the function `module`. Their PATH must not hide what this shell's PATH finds.
_AS_LOGIN_SHELLS = (
    "command -v module >/dev/null || "
    "{ hpcsweep_path=$PATH; . /etc/profile >/dev/null 2>&1; PATH=$hpcsweep_path:$PATH; }"
)


def profile_lines(terms: SlurmTerms) -> list[str]:
    """Return the shell's lines; a shell that traps its EXIT meanwhile calls `hpcsweep_before_work` with its code."""
    lines = _FUNCTIONS.splitlines()
    lines += [f"export {name}={shlex.quote(value)}" for name, value in terms.environment.items()]
    lines += [_AS_LOGIN_SHELLS] if terms.modules or terms.setup else []
    for number, module in enumerate(terms.modules, 1):
        lines += _step(terms, f"modules #{number}", module, f"hpcsweep_load {shlex.quote(module)}")
    for number, line in enumerate(terms.setup, 1):
        lines += _step(terms, f"setup #{number}", line, f"eval {shlex.quote(line)}")
    return [*lines, "hpcsweep_at=", *_try_python(terms)]


def _step(terms: SlurmTerms, key: str, given: str, command: str) -> list[str]:
    # not `command || exit`, in which a line's own `set -e` would have no effect
    stop = 'hpcsweep_code=$?; [ "$hpcsweep_code" -eq 0 ] || exit "$hpcsweep_code"'
    return [f"hpcsweep_at={shlex.quote(f'{terms.source}: {key}, {given!r},')}", command, stop]


def _try_python(terms: SlurmTerms) -> list[str]:
    """Return lines that end the shell in words if the Python of a profile cannot be started or run the bundle."""
    if not terms.bundle:
        return []
    where = f"{terms.source}: {'container' if terms.contained else 'python'}"
    return [
        f"hpcsweep_python={shlex.quote(where)}",
        f"hpcsweep_try_python {terms.python} -c {shlex.quote(CHECK_PYTHON)}",
    ]
