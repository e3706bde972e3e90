"""Security roles of an organization, and who has them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Role:
    """A security role: its name, its business unit and the privileges it gives."""

    name: str
    unit: str
    privileges: frozenset[str] = frozenset()


@dataclass
class Roles:
    """All roles, who has which, and which privileges were needed so far."""

    roles: dict[str, Role] = field(default_factory=dict)
    of_user: dict[str, set[str]] = field(default_factory=dict)
    needed: set[str] = field(default_factory=set)

    def has(self, user: str, privilege: str) -> bool:
        """Tell whether a user has a privilege; notes that it was needed."""
        given = self.of_user.get(user)
        if given is None:
            return True
        self.needed.add(privilege)
        return any(privilege in self.roles[one].privileges for one in given)
