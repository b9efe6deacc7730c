"""Addresses under ``/api/v1/``."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from console.api.views import cases, decisions, intake, labels, quality, score, statements, webhooks

app_name = "api"


class IdentifierConverter(StringConverter):
    """An id of the platform's: anything, slashes too, but the NUL that the database cannot hold."""

    regex = r"[^\x00]+"


register_converter(IdentifierConverter, "identifier")

urlpatterns = [
    path("reports", intake.ReportsView.as_view(), name="reports"),
    path("reports/bulk", intake.BulkReportsView.as_view(), name="reports-bulk"),
    path("content", intake.ContentsView.as_view(), name="contents"),
    path("content/<identifier:external_id>", intake.ContentView.as_view(), name="content"),
    path("score", score.ScoreView.as_view(), name="score"),
    path("cases", cases.CasesView.as_view(), name="cases"),
    path("cases/<int:case_id>", cases.CaseView.as_view(), name="case"),
    path("cases/<int:case_id>/heartbeat", cases.HeartbeatView.as_view(), name="heartbeat"),
    path("cases/<int:case_id>/release", cases.ReleaseView.as_view(), name="release"),
    path("cases/<int:case_id>/skip", cases.SkipView.as_view(), name="skip"),
    path("cases/<int:case_id>/escalate", cases.EscalateView.as_view(), name="escalate"),
    path("cases/<int:case_id>/take-back", cases.TakeBackView.as_view(), name="take-back"),
    path("cases/<int:case_id>/decision", cases.DecideView.as_view(), name="decide"),
    path("queues/<slug:slug>/claim", cases.ClaimView.as_view(), name="claim"),
    path("decisions/<int:decision_id>/undo", decisions.UndoView.as_view(), name="undo"),
    path("decisions/<int:decision_id>/override", decisions.OverrideView.as_view(), name="override"),
    path("decisions/<int:decision_id>/appeals", decisions.AppealsView.as_view(), name="appeals"),
    path("appeals/<int:appeal_id>/resolve", decisions.ResolveAppealView.as_view(), name="resolve-appeal"),
    path("holds", quality.HoldsView.as_view(), name="holds"),
    path("holds/<int:hold_id>/approve", quality.ApproveHoldView.as_view(), name="approve-hold"),
    path("holds/<int:hold_id>/reject", quality.RejectHoldView.as_view(), name="reject-hold"),
    path("adjudications", quality.AdjudicationsView.as_view(), name="adjudications"),
    path("quality", quality.QualityView.as_view(), name="quality"),
    path("insights", quality.InsightsView.as_view(), name="insights"),
    path("labels", labels.LabelsView.as_view(), name="labels"),
    path("statements", statements.StatementsView.as_view(), name="statements"),
    path("webhooks", webhooks.WebhooksView.as_view(), name="webhooks"),
    path("webhooks/<int:endpoint_id>", webhooks.WebhookView.as_view(), name="webhook"),
    path("webhooks/<int:endpoint_id>/rotate", webhooks.RotateWebhookView.as_view(), name="rotate-webhook"),
    path("webhooks/<int:endpoint_id>/ping", webhooks.PingWebhookView.as_view(), name="ping-webhook"),
    path("deliveries", webhooks.DeliveriesView.as_view(), name="deliveries"),
    path("deliveries/replay", webhooks.ReplayDeliveriesView.as_view(), name="replay-deliveries"),
    path("deliveries/<int:delivery_id>", webhooks.DeliveryView.as_view(), name="delivery"),
    path("deliveries/<int:delivery_id>/replay", webhooks.ReplayDeliveryView.as_view(), name="replay-delivery"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path(
        "docs/",
        SpectacularSwaggerSplitView.as_view(url_name="api:schema", template_name="console/api_docs.html"),
        name="docs",
    ),
]
