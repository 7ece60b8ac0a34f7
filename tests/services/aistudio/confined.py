"""``python confined.py PROFILE UID COMMAND…`` or ``… -c CODE``: a command as a container's engine would start it.

That is: as a user without rights, who gains none, under a seccomp profile. Engines load profiles with libseccomp too.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from pathlib import Path
from typing import Any

_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_OPERATORS = {
    "SCMP_CMP_NE": 1,
    "SCMP_CMP_LT": 2,
    "SCMP_CMP_LE": 3,
    "SCMP_CMP_EQ": 4,
    "SCMP_CMP_GE": 5,
    "SCMP_CMP_GT": 6,
}
_OPERATORS |= {"SCMP_CMP_MASKED_EQ": 7}
_NO_NEW_PRIVS = 38


def possible() -> bool:
    """Whether libseccomp is here."""
    try:
        ctypes.CDLL("libseccomp.so.2")
    except OSError:
        return False
    return True


class _Compare(ctypes.Structure):
    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


def _action(rule: dict[str, Any], default: int) -> int:
    return _ALLOW if rule["action"] == "SCMP_ACT_ALLOW" else _ERRNO | rule.get("errnoRet", default)


def load(profile: dict[str, Any]) -> None:
    """Put this process under the profile, for good."""
    lib = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    lib.seccomp_init.restype = ctypes.c_void_p
    default = profile.get("defaultErrnoRet", 1)
    context = ctypes.c_void_p(lib.seccomp_init(_action({"action": profile["defaultAction"]}, default)))
    usual = _action({"action": profile["defaultAction"]}, default)
    for rule in profile["syscalls"]:
        tests = [
            _Compare(each["index"], _OPERATORS[each["op"]], each["value"], each.get("valueTwo", 0))
            for each in rule.get("args", ())
        ]
        action = _action(rule, default)
        for name in rule["names"]:
            number = lib.seccomp_syscall_resolve_name(name.encode())
            if number == -1 or action == usual:  # a call of another kind of machine, or what happens anyway
                continue
            array = (_Compare * len(tests))(*tests)
            code = lib.seccomp_rule_add_array(context, ctypes.c_uint32(action), number, len(tests), array)
            if code != 0:
                raise OSError(-code, f"{name}: {os.strerror(-code)}")
    code = lib.seccomp_load(context)
    if code != 0:
        raise OSError(-code, os.strerror(-code))


def main(words: list[str]) -> None:
    """Become the command."""
    profile, user, *command = words
    made = json.loads(Path(profile).read_text())
    os.setgroups([])
    os.setresgid(int(user), int(user), int(user))
    os.setresuid(int(user), int(user), int(user))
    ctypes.CDLL(None).prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
    load(made)
    if command[0] == "-c":
        exec(command[1])
        return
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
