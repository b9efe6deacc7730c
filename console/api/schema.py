"""What the OpenAPI schema is told of our authentication; imported once the applications are ready."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from console.api.authentication import ApiKeyAuthentication, BrowserSessionAuthentication


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Tells the OpenAPI schema of the bearer key."""

    target_class = ApiKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        """The security scheme object."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A scoped API key, made by an administrator.",
        }


class BrowserSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Tells the OpenAPI schema of the session cookie."""

    target_class = BrowserSessionAuthentication
    name = "browserSession"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        """The security scheme object."""
        return {"type": "apiKey", "in": "cookie", "name": "evenhand_session"}
