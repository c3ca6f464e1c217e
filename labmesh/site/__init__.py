"""Sites: a lab's MQTT broker with its accounts, and how labs become one.

Everything is made from one page, `Description`, which people review.
"""

from labmesh.site._apply import Change, Changes, apply, changes_of, give_password
from labmesh.site._certificates import SOON_DAYS, Certificate, renew
from labmesh.site._check import Finding, check_site
from labmesh.site._connect import sites_at
from labmesh.site._description import SITE_FILE, Description, Grant, Upstream
from labmesh.site._folder import SUFFIX, SiteFolder
from labmesh.site._from_launch import accounts_of
from labmesh.site._join import VALID_DAYS, Joined, invite, join, refresh
from labmesh.site._mosquitto import become_mosquitto, reload, running
from labmesh.site._revoke import revoke
from labmesh.site._token import Invitation

__all__ = [
    "SITE_FILE",
    "SOON_DAYS",
    "SUFFIX",
    "VALID_DAYS",
    "Certificate",
    "Change",
    "Changes",
    "Description",
    "Finding",
    "Grant",
    "Invitation",
    "Joined",
    "SiteFolder",
    "Upstream",
    "accounts_of",
    "apply",
    "become_mosquitto",
    "changes_of",
    "check_site",
    "give_password",
    "invite",
    "join",
    "refresh",
    "reload",
    "renew",
    "revoke",
    "running",
    "sites_at",
]
