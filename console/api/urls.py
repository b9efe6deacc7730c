"""Addresses under ``/api/v1/``."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from console.api.views import (
    banks,
    batches,
    cases,
    data_rights,
    decisions,
    intake,
    labels,
    quality,
    rules,
    score,
    search,
    statements,
    webhooks,
)

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
    path("search", search.SearchView.as_view(), name="search"),
    path("views", search.ViewsView.as_view(), name="views"),
    path("views/<int:view_id>", search.ViewView.as_view(), name="view"),
    path("cases", cases.CasesView.as_view(), name="cases"),
    path("cases/<int:case_id>", cases.CaseView.as_view(), name="case"),
    path("cases/<int:case_id>/heartbeat", cases.HeartbeatView.as_view(), name="heartbeat"),
    path("cases/<int:case_id>/release", cases.ReleaseView.as_view(), name="release"),
    path("cases/<int:case_id>/take-over", cases.TakeOverView.as_view(), name="take-over"),
    path("cases/<int:case_id>/skip", cases.SkipView.as_view(), name="skip"),
    path("cases/<int:case_id>/escalate", cases.EscalateView.as_view(), name="escalate"),
    path("cases/<int:case_id>/take-back", cases.TakeBackView.as_view(), name="take-back"),
    path("cases/<int:case_id>/decision", cases.DecideView.as_view(), name="decide"),
    path("queues/<slug:slug>/claim", cases.ClaimView.as_view(), name="claim"),
    path("queues/<slug:slug>/reservation", cases.ReservationView.as_view(), name="reservation"),
    path("batches", batches.BatchesView.as_view(), name="batches"),
    path("batches/histogram", batches.HistogramView.as_view(), name="histogram"),
    path("batches/sample", batches.SampleView.as_view(), name="sample"),
    path("batches/<int:batch_id>", batches.BatchView.as_view(), name="batch"),
    path("batches/<int:batch_id>/undo", batches.UndoBatchView.as_view(), name="undo-batch"),
    path("batches/<int:batch_id>/stop", batches.StopBatchView.as_view(), name="stop-batch"),
    path("campaigns", batches.CampaignsView.as_view(), name="campaigns"),
    path("campaigns/<int:group_id>", batches.CampaignView.as_view(), name="campaign"),
    path("accounts/<identifier:external_id>/cases", batches.AccountCasesView.as_view(), name="account-cases"),
    path("accounts/<identifier:external_id>/data", data_rights.AccountDataView.as_view(), name="account-data"),
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
    path("rules", rules.RulesView.as_view(), name="rules"),
    path("rules/facts", rules.VocabularyView.as_view(), name="rule-facts"),
    path("rules/<int:rule_id>", rules.RuleView.as_view(), name="rule"),
    path("rules/<int:rule_id>/draft", rules.RuleDraftView.as_view(), name="rule-draft"),
    path("rules/<int:rule_id>/state", rules.RuleStateView.as_view(), name="rule-state"),
    path("rules/<int:rule_id>/move", rules.RuleMoveView.as_view(), name="rule-move"),
    path("rules/<int:rule_id>/backtests", rules.RuleBacktestsView.as_view(), name="rule-backtests"),
    path("backtests/<int:backtest_id>", rules.BacktestView.as_view(), name="backtest"),
    path("backtests/<int:backtest_id>/cancel", rules.CancelBacktestView.as_view(), name="cancel-backtest"),
    path("banks", banks.BanksView.as_view(), name="banks"),
    path("banks/<slug:slug>", banks.BankView.as_view(), name="bank"),
    path("banks/<slug:slug>/entries", banks.BankEntriesView.as_view(), name="bank-entries"),
    path("banks/<slug:slug>/preview", banks.BankPreviewView.as_view(), name="bank-preview"),
    path("bank-entries/<int:entry_id>", banks.BankEntryView.as_view(), name="bank-entry"),
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
