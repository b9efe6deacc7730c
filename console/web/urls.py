"""Addresses of the pages."""

from django.urls import path

from console.web.views import accounts, cases, decisions, help, holds, home, models, quality, review, session

urlpatterns = [
    path("login/", session.login, name="login"),
    path("logout/", session.logout, name="logout"),
    path("", home.home, name="home"),
    path("queues/counts/", home.counts, name="counts"),
    path("review/case/<int:case_id>/", review.case, name="review_case"),
    path("review/case/<int:case_id>/claim/", review.claim, name="claim_case"),
    path("review/case/<int:case_id>/decide/", review.decide, name="decide"),
    path("review/case/<int:case_id>/skip/", review.skip, name="skip"),
    path("review/case/<int:case_id>/escalate/", review.escalate, name="escalate"),
    path("review/case/<int:case_id>/release/", review.release, name="release"),
    path("review/case/<int:case_id>/heartbeat/", review.heartbeat, name="heartbeat"),
    path("review/case/<int:case_id>/take-back/", review.take_back, name="take_back"),
    path("review/<slug:slug>/", review.queue, name="queue"),
    path("cases/<int:case_id>/", cases.case, name="case"),
    path("cases/<int:case_id>/override/<int:decision_id>/", cases.override, name="override"),
    path("decisions/", decisions.mine, name="decisions"),
    path("decisions/<int:decision_id>/undo/", review.undo, name="undo"),
    path("approvals/", holds.index, name="holds"),
    path("approvals/<int:hold_id>/approve/", holds.approve, name="approve_hold"),
    path("approvals/<int:hold_id>/send-back/", holds.send_back, name="reject_hold"),
    path("adjudications/", holds.adjudications, name="adjudications"),
    path("quality/", quality.index, name="quality"),
    path("quality/measure/", quality.measure, name="measure_quality"),
    path("insights/", quality.insights, name="insights"),
    path("accounts/<int:account_id>/", accounts.account, name="account"),
    path("models/", models.index, name="models"),
    path("models/retrain/", models.retrain, name="retrain"),
    path("models/roll-back/", models.roll_back, name="roll_back"),
    path("models/<int:number>/", models.model, name="model"),
    path("models/<int:number>/words/", models.words, name="model_words"),
    path("models/<int:number>/promote/", models.promote, name="promote"),
    path("models/<int:number>/shadow/", models.begin_shadow, name="begin_shadow"),
    path("models/<int:number>/refuse/", models.refuse_shadow, name="refuse_shadow"),
    path("models/automation/<slug:slug>/", models.calibrate, name="calibrate"),
    path("help/", help.help_page, name="help"),
]
