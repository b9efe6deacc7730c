"""What every endpoint is."""

from collections.abc import Mapping
from typing import ClassVar

from rest_framework.views import APIView

from moderation.permissions import Permission


class Endpoint(APIView):
    """An API view: ``permissions`` maps each HTTP method to the permission it needs."""

    permissions: ClassVar[Mapping[str, Permission]] = {}
    public: ClassVar[bool] = False
