"""The product's addresses and two floors: what the framework costs before any work is done."""

from django.urls import path
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from console.urls import handler400, handler403, handler404, handler500
from console.urls import urlpatterns as product

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


class EmptyView(APIView):
    """A view of the framework that neither knows its caller nor touches the database."""

    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = []

    def get(self, request: Request) -> Response:
        """Nothing."""
        return Response({})

    def post(self, request: Request) -> Response:
        """Nothing, the body read and parsed."""
        return Response({"read": bool(request.data)})


urlpatterns = [path("bench/empty", EmptyView.as_view()), *product]
