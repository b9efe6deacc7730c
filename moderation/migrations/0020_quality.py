"""Quality: plans, golden cases, audits, holds, escalations, precedents, reports; blind reviews."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.manager
from django.conf import settings
from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('moderation', '0004_guard_monitoring'),
    ]

    operations = [
        TrigramExtension(),
        migrations.CreateModel(
            name='AuditDraw',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('probability', models.FloatField()),
                ('score', models.FloatField()),
                ('created_at', models.DateTimeField(auto_now_add=True, db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name='Escalation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('note', models.TextField(blank=True, max_length=2000)),
                ('undo_until', models.DateTimeField()),
                ('undone_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name='GoldenCase',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name='Hold',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.CharField(choices=[('protected', 'The account is protected'), ('severity', 'The policy is grave')], max_length=12)),
                ('state', models.CharField(choices=[('held', 'Waits for a second person'), ('approved', 'Approved'), ('rejected', 'Sent back'), ('withdrawn', 'Taken back by its author')], default='held', max_length=10)),
                ('settled_at', models.DateTimeField(null=True)),
                ('note', models.TextField(blank=True, help_text='Why it was sent back; may be erased.', max_length=2000)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name='JudgementNote',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.TextField(max_length=2000)),
            ],
        ),
        migrations.CreateModel(
            name='Precedent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sketch', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), size=None)),
            ],
        ),
        migrations.CreateModel(
            name='ProtectedAccount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.CharField(blank=True, max_length=200)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name='QualityPlan',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('golden_rate', models.FloatField(default=0.0, help_text='Golden cases mixed in, per case that opens (0 to 1).')),
                ('double_rate', models.FloatField(default=0.0, help_text='Share of cases that a second reviewer judges too (0 to 1).')),
                ('blind_rate', models.FloatField(default=0.0, help_text="Share of cases judged before the model's opinion is shown (0 to 1).")),
                ('hold_from_severity', models.PositiveSmallIntegerField(blank=True, choices=[(1, 'Low'), (2, 'Moderate'), (3, 'High'), (4, 'Severe'), (5, 'Critical')], help_text='A violation of a policy this grave needs a second person. Empty: none does.', null=True)),
            ],
        ),
        migrations.CreateModel(
            name='QualityReport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('agreement', 'Agreement of people'), ('missed', 'What is missed')], max_length=12)),
                ('figures', models.JSONField()),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name='ReviewBar',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.AlterModelOptions(
            name='case',
            options={'base_manager_name': 'including_golden'},
        ),
        migrations.AlterModelManagers(
            name='case',
            managers=[
                ('objects', django.db.models.manager.Manager()),
                ('including_golden', django.db.models.manager.Manager()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name='case',
            name='case_one_open_a_content',
        ),
        migrations.RemoveConstraint(
            model_name='review',
            name='review_one_first_pending_a_case',
        ),
        migrations.AddField(
            model_name='evidence',
            name='blind',
            field=models.BooleanField(default=False, help_text="The model's opinion was hidden from them."),
        ),
        migrations.AddField(
            model_name='goldenitem',
            name='is_active',
            field=models.BooleanField(default=True, help_text='Mixed in among cases to test their reviewers.'),
        ),
        migrations.AddField(
            model_name='review',
            name='blind',
            field=models.BooleanField(default=False, help_text="The model's opinion is hidden until it is judged."),
        ),
        migrations.AddField(
            model_name='review',
            name='follows',
            field=models.ForeignKey(help_text='The review that led to it.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='followed_by', to='moderation.review'),
        ),
        migrations.AlterField(
            model_name='auditevent',
            name='kind',
            field=models.CharField(choices=[('content.received', 'Content received'), ('content.revised', 'Content revised'), ('content.withdrawn', 'Content withdrawn'), ('report.received', 'Report received'), ('content.scored', 'Content scored'), ('content.scoring_failed', 'Scoring failed'), ('case.opened', 'Case opened'), ('case.moved', 'Case moved'), ('case.withdrawn', 'Case withdrawn'), ('review.claimed', 'Review claimed'), ('review.released', 'Review released'), ('review.skipped', 'Review skipped'), ('review.escalated', 'Case escalated'), ('review.lease_expired', 'Lease expired'), ('case.decided', 'Case decided'), ('review.judged', 'Review judged'), ('review.withdrawn', 'Judgement taken back'), ('review.escalation_undone', 'Escalation undone'), ('decision.held', 'Decision held for a second person'), ('hold.approved', 'Held decision approved'), ('hold.rejected', 'Held decision sent back'), ('audit.drawn', 'Drawn for a random audit'), ('quality.measured', 'Quality measured'), ('decision.undone', 'Decision undone'), ('decision.overridden', 'Decision overridden'), ('appeal.opened', 'Appeal opened'), ('appeal.resolved', 'Appeal resolved'), ('model.registered', 'Model registered'), ('model.trained', 'Model trained'), ('model.shadowed', 'Model scores in shadow'), ('model.refused', 'Model refused'), ('model.promoted', 'Model promoted'), ('model.rolled_back', 'Model rolled back'), ('automation.calibrated', 'Automation threshold calibrated'), ('key.issued', 'API key issued'), ('key.revoked', 'API key revoked'), ('admin.changed', 'Changed in the admin'), ('delivery.dead', 'Delivery gave up'), ('delivery.replayed', 'Delivery replayed')], max_length=40),
        ),
        migrations.AlterField(
            model_name='review',
            name='kind',
            field=models.CharField(choices=[('first', 'First review'), ('second', 'Second review'), ('adjudication', 'Adjudication'), ('golden', 'Golden item'), ('appeal', 'Appeal'), ('informed', "Second look, with the model's opinion"), ('audit', 'Audit of an automated decision')], default='first', max_length=12),
        ),
        migrations.AddIndex(
            model_name='review',
            index=models.Index(condition=models.Q(('blind', True), ('state__in', ['waiting', 'leased'])), fields=['case'], name='review_blind_idx'),
        ),
        migrations.AddConstraint(
            model_name='case',
            constraint=models.UniqueConstraint(condition=models.Q(('status', 'open'), models.Q(('why_shown', 'golden'), _negated=True)), fields=('content',), name='case_one_open_a_content'),
        ),
        migrations.AddConstraint(
            model_name='review',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['first', 'second', 'adjudication', 'golden', 'appeal', 'informed', 'audit'])), name='review_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='review',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['waiting', 'leased'])), fields=('case',), name='review_one_pending_a_case'),
        ),
        migrations.AddField(
            model_name='auditdraw',
            name='revision',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='audit_draw', to='moderation.contentrevision'),
        ),
        migrations.AddField(
            model_name='escalation',
            name='escalated_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='escalations', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='escalation',
            name='from_queue',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='moderation.queue'),
        ),
        migrations.AddField(
            model_name='escalation',
            name='review',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='escalations', to='moderation.review'),
        ),
        migrations.AddField(
            model_name='escalation',
            name='to_queue',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='moderation.queue'),
        ),
        migrations.AddField(
            model_name='goldencase',
            name='beside',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='golden_beside', to='moderation.case'),
        ),
        migrations.AddField(
            model_name='goldencase',
            name='case',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='golden', to='moderation.case'),
        ),
        migrations.AddField(
            model_name='goldencase',
            name='item',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='cases', to='moderation.goldenitem'),
        ),
        migrations.AddField(
            model_name='hold',
            name='case',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='holds', to='moderation.case'),
        ),
        migrations.AddField(
            model_name='hold',
            name='judgement',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='hold', to='moderation.judgement'),
        ),
        migrations.AddField(
            model_name='hold',
            name='settled_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='judgementnote',
            name='judgement',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='note', to='moderation.judgement'),
        ),
        migrations.AddField(
            model_name='precedent',
            name='case',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='precedents', to='moderation.case'),
        ),
        migrations.AddField(
            model_name='precedent',
            name='revision',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='moderation.contentrevision'),
        ),
        migrations.AddField(
            model_name='protectedaccount',
            name='account',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='protection', to='moderation.account'),
        ),
        migrations.AddField(
            model_name='qualityplan',
            name='queue',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='quality_plan', to='moderation.queue'),
        ),
        migrations.AddIndex(
            model_name='qualityreport',
            index=models.Index(fields=['kind', '-id'], name='quality_report_newest_idx'),
        ),
        migrations.AddField(
            model_name='reviewbar',
            name='review',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='bars', to='moderation.review'),
        ),
        migrations.AddField(
            model_name='reviewbar',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='auditdraw',
            constraint=models.CheckConstraint(condition=models.Q(('probability__gt', 0), ('probability__lte', 1)), name='audit_draw_is_a_probability'),
        ),
        migrations.AddIndex(
            model_name='escalation',
            index=models.Index(fields=['escalated_by', '-created_at'], name='escalation_person_idx'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['held', 'approved', 'rejected', 'withdrawn'])), name='hold_state_known'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('settled_at__isnull', True), ('settled_by__isnull', True), ('state', 'held')), models.Q(models.Q(('state', 'held'), _negated=True), ('settled_at__isnull', False), ('settled_by__isnull', False)), _connector='OR'), name='hold_settled_by_someone'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'held')), fields=('case',), name='hold_one_a_case'),
        ),
        migrations.AddIndex(
            model_name='precedent',
            index=django.contrib.postgres.indexes.GinIndex(fastupdate=False, fields=['sketch'], name='precedent_sketch_idx'),
        ),
        migrations.AddConstraint(
            model_name='precedent',
            constraint=models.UniqueConstraint(fields=('case', 'revision'), name='precedent_once_a_wording'),
        ),
        migrations.AddConstraint(
            model_name='qualityplan',
            constraint=models.CheckConstraint(condition=models.Q(('golden_rate__gte', 0), ('golden_rate__lte', 1), ('double_rate__gte', 0), ('double_rate__lte', 1), ('blind_rate__gte', 0), ('blind_rate__lte', 1)), name='quality_plan_rates_are_shares'),
        ),
        migrations.AddConstraint(
            model_name='reviewbar',
            constraint=models.UniqueConstraint(fields=('review', 'user'), name='review_bar_once'),
        ),
    ]
