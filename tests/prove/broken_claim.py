"""The product with a claim that selects first and leases then: what most consoles do. A test double."""

from console.settings.base import *  # noqa: F403
from console.settings.base import INSTALLED_APPS as PRODUCT

INSTALLED_APPS = [*PRODUCT, "tests.prove.double.Double"]
