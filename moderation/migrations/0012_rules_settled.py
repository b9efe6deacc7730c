"""Without the columns that have become conditions; with what holds rules and entries together."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("moderation", "0011_rule_conditions")]

    operations = [
        migrations.RemoveConstraint("routingrule", "routing_rule_score_is_a_probability"),
        migrations.RemoveConstraint("routingrule", "routing_rule_score_names_its_policy"),
        migrations.RemoveField("routingrule", "policy"),
        migrations.RemoveField("routingrule", "minimum_score"),
        migrations.RemoveField("routingrule", "source"),
        migrations.RemoveField("routingrule", "minimum_reports"),
        migrations.RemoveField("routingrule", "is_active"),
        migrations.AlterField("routingrule", "condition", models.JSONField()),
        migrations.CreateModel(
            name='Backtest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rule_version', models.PositiveIntegerField(help_text="The rule's version it ran with.")),
                ('days', models.PositiveSmallIntegerField()),
                ('state', models.CharField(choices=[('waiting', 'Waiting for a worker'), ('running', 'Running'), ('done', 'Done'), ('cancelled', 'Cancelled'), ('failed', 'Failed')], default='waiting', max_length=10)),
                ('rules', models.JSONField()),
                ('since', models.DateTimeField()),
                ('until', models.DateTimeField()),
                ('total', models.PositiveIntegerField(help_text='Contents to look at.')),
                ('available', models.PositiveIntegerField(help_text='Contents of these days, of which it looks at the newest.')),
                ('looked_at', models.PositiveIntegerField(default=0)),
                ('cursor', models.BigIntegerField(help_text='Key of the last content looked at.', null=True)),
                ('figures', models.JSONField(default=dict)),
                ('examples', models.JSONField(default=dict)),
                ('error', models.CharField(blank=True, help_text='Class of the exception that ended it.', max_length=80)),
                ('failures', models.PositiveSmallIntegerField(default=0)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('ended_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='BankEntryBand',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('value', models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='BankHit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name='ChangeStamp',
            fields=[
                ('name', models.CharField(max_length=20, primary_key=True, serialize=False)),
                ('value', models.UUIDField()),
            ],
        ),
        migrations.CreateModel(
            name='RuleHit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('shadow', models.BooleanField()),
                ('decided', models.BooleanField()),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.AlterField(
            model_name='auditevent',
            name='kind',
            field=models.CharField(choices=[('content.received', 'Content received'), ('content.revised', 'Content revised'), ('content.withdrawn', 'Content withdrawn'), ('report.received', 'Report received'), ('content.scored', 'Content scored'), ('content.scoring_failed', 'Scoring failed'), ('case.opened', 'Case opened'), ('case.moved', 'Case moved'), ('case.withdrawn', 'Case withdrawn'), ('review.claimed', 'Review claimed'), ('review.released', 'Review released'), ('review.skipped', 'Review skipped'), ('review.escalated', 'Case escalated'), ('review.lease_expired', 'Lease expired'), ('case.decided', 'Case decided'), ('decision.undone', 'Decision undone'), ('decision.overridden', 'Decision overridden'), ('appeal.opened', 'Appeal opened'), ('appeal.resolved', 'Appeal resolved'), ('model.registered', 'Model registered'), ('model.trained', 'Model trained'), ('model.shadowed', 'Model scores in shadow'), ('model.refused', 'Model refused'), ('model.promoted', 'Model promoted'), ('model.rolled_back', 'Model rolled back'), ('automation.calibrated', 'Automation threshold calibrated'), ('key.issued', 'API key issued'), ('key.revoked', 'API key revoked'), ('rule.created', 'Routing rule drafted'), ('rule.changed', 'Routing rule changed'), ('rule.moved', 'Routing rule moved'), ('rule.deleted', 'Draft of a routing rule deleted'), ('backtest.requested', 'Backtest requested'), ('backtest.ended', 'Backtest ended'), ('bank.changed', 'Bank changed'), ('bank_entry.changed', 'Bank entry changed'), ('admin.changed', 'Changed in the admin'), ('delivery.dead', 'Delivery gave up'), ('delivery.replayed', 'Delivery replayed')], max_length=40),
        ),
        migrations.AddIndex(
            model_name='bankentry',
            index=models.Index(fields=['digest'], name='bank_entry_digest_idx'),
        ),
        migrations.AddConstraint(
            model_name='bankentry',
            constraint=models.UniqueConstraint(condition=models.Q(('removed_at__isnull', True)), fields=('bank', 'digest'), name='bank_entry_once'),
        ),
        migrations.AddConstraint(
            model_name='routingrule',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['draft', 'shadow', 'live', 'retired'])), name='routing_rule_state_known'),
        ),
        migrations.AddConstraint(
            model_name='routingrule',
            constraint=models.CheckConstraint(condition=models.Q(('priority_boost__gte', -100), ('priority_boost__lte', 100)), name='routing_rule_boost_is_bounded'),
        ),
        migrations.AddConstraint(
            model_name='routingrule',
            constraint=models.CheckConstraint(condition=models.Q(('audit_rate__isnull', True), models.Q(('audit_rate__gt', 0), ('audit_rate__lte', 1), ('automates__isnull', True), ('opens_cases', True)), _connector='OR'), name='routing_rule_audit_only_looks'),
        ),
        migrations.AddConstraint(
            model_name='routingrule',
            constraint=models.CheckConstraint(condition=models.Q(('automates__isnull', False), ('automatic_actions__len', 0), _connector='OR'), name='routing_rule_acts_under_a_policy'),
        ),
        migrations.AddField(
            model_name='backtest',
            name='requested_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='backtest',
            name='rule',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='backtests', to='moderation.routingrule'),
        ),
        migrations.AddField(
            model_name='bankentryband',
            name='entry',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='bands', to='moderation.bankentry'),
        ),
        migrations.AddField(
            model_name='bankhit',
            name='content',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='moderation.content'),
        ),
        migrations.AddField(
            model_name='bankhit',
            name='entry',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='hits', to='moderation.bankentry'),
        ),
        migrations.AddField(
            model_name='bankhit',
            name='revision',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='bank_hits', to='moderation.contentrevision'),
        ),
        migrations.AddField(
            model_name='rulehit',
            name='content',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='moderation.content'),
        ),
        migrations.AddField(
            model_name='rulehit',
            name='revision',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rule_hits', to='moderation.contentrevision'),
        ),
        migrations.AddField(
            model_name='rulehit',
            name='rule',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='hits', to='moderation.routingrule'),
        ),
        migrations.AddIndex(
            model_name='backtest',
            index=models.Index(condition=models.Q(('state__in', ['waiting', 'running'])), fields=['id'], name='backtest_unfinished_idx'),
        ),
        migrations.AddConstraint(
            model_name='backtest',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'running', 'done', 'cancelled', 'failed'])), name='backtest_state_known'),
        ),
        migrations.AddConstraint(
            model_name='backtest',
            constraint=models.CheckConstraint(condition=models.Q(('looked_at__lte', models.F('total'))), name='backtest_within_its_total'),
        ),
        migrations.AddConstraint(
            model_name='backtest',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('state__in', ['waiting', 'running'])), models.Q(models.Q(('state__in', ['waiting', 'running']), _negated=True), ('ended_at__isnull', False)), _connector='OR'), name='backtest_ends_once'),
        ),
        migrations.AddConstraint(
            model_name='backtest',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['waiting', 'running'])), fields=('rule',), name='backtest_one_at_a_time'),
        ),
        migrations.AddConstraint(
            model_name='bankentryband',
            constraint=models.UniqueConstraint(fields=('value', 'entry'), name='bank_entry_band_once'),
        ),
        migrations.AddIndex(
            model_name='bankhit',
            index=models.Index(fields=['entry', 'created_at'], name='bank_hit_time_idx'),
        ),
        migrations.AddConstraint(
            model_name='bankhit',
            constraint=models.UniqueConstraint(fields=('entry', 'revision'), name='bank_hit_once'),
        ),
        migrations.AddIndex(
            model_name='rulehit',
            index=models.Index(fields=['rule', 'created_at'], name='rule_hit_time_idx'),
        ),
        migrations.AddConstraint(
            model_name='rulehit',
            constraint=models.UniqueConstraint(fields=('rule', 'revision', 'shadow'), name='rule_hit_once'),
        ),
    ]
