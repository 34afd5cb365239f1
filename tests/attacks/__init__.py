"""Submissions that solve nothing and want points, secrets or damage: `make attacks` grades them all."""

from __future__ import annotations

from attacks import exhaustion, files, in_process, leaking, metadata, protocol, shopping
from attacks.attack import Attack

FAMILIES: dict[str, list[Attack]] = {
    "in-process tampering": in_process.ATTACKS,
    "forged protocol": protocol.ATTACKS,
    "file tampering": files.ATTACKS,
    "leaking": leaking.ATTACKS,
    "metadata": metadata.ATTACKS,
    "answer shopping": shopping.ATTACKS,
    "exhaustion": exhaustion.ATTACKS,
}
ATTACKS: dict[str, Attack] = {attack.name: attack for family in FAMILIES.values() for attack in family}
