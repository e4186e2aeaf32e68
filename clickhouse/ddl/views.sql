-- Views feed the rollups. They hold no data. When this file changes, each view whose SELECT is another one gets it in
-- place; after tables were exchanged by a replay, while nothing is inserted, all are made again. What a view lies
-- between never changes: that is another view, and the old one is dropped in a numbered file. {{suffix}} is empty for the live tables, __e<epoch> for the shadows of a replay.
CREATE MATERIALIZED VIEW events_10s_view{{suffix}}{{cluster}} TO events_10s{{suffix}} AS
SELECT project, toDateTime(toStartOfInterval(occurred_at, INTERVAL 10 SECOND), 'UTC') AS bucket, service, environment,
  event_type, severity, count() AS events, countIf(status_code >= 500) AS failures,
  max(toDate(received_at)) AS received_on
FROM events{{suffix}}
GROUP BY project, bucket, service, environment, event_type, severity;

CREATE MATERIALIZED VIEW events_1m_view{{suffix}}{{cluster}} TO events_1m{{suffix}} AS
SELECT project, toDateTime(toStartOfMinute(occurred_at), 'UTC') AS bucket, service, environment, event_type, severity,
  release, route, count() AS events, countIf(status_code >= 500) AS failures,
  uniqCombinedStateIf(12)(user_id, user_id != '') AS users,
  quantilesDDStateIf(0.01, 0.5, 0.95, 0.99)(assumeNotNull(duration_ms), isNotNull(duration_ms)) AS durations,
  max(toDate(received_at)) AS received_on
FROM events{{suffix}}
GROUP BY project, bucket, service, environment, event_type, severity, release, route;

CREATE MATERIALIZED VIEW volume_1m_view{{suffix}}{{cluster}} TO volume_1m{{suffix}} AS
SELECT project, toDateTime(toStartOfMinute(occurred_at), 'UTC') AS bucket, service, environment, event_type, severity,
  release, error_type, count() AS events, countIf(status_code >= 500) AS failures,
  max(toDate(received_at)) AS received_on
FROM events{{suffix}}
GROUP BY project, bucket, service, environment, event_type, severity, release, error_type;

CREATE MATERIALIZED VIEW users_1m_view{{suffix}}{{cluster}} TO users_1m{{suffix}} AS
SELECT project, toDateTime(toStartOfMinute(occurred_at), 'UTC') AS bucket, environment, event_type,
  uniqCombinedState(12)(user_id) AS users, max(toDate(received_at)) AS received_on
FROM events{{suffix}}
WHERE user_id != ''
GROUP BY project, bucket, environment, event_type;

CREATE MATERIALIZED VIEW events_1h_view{{suffix}}{{cluster}} TO events_1h{{suffix}} AS
SELECT project, toDateTime(toStartOfHour(occurred_at), 'UTC') AS bucket, service, environment, event_type, severity,
  count() AS events, countIf(status_code >= 500) AS failures,
  uniqCombinedStateIf(12)(user_id, user_id != '') AS users,
  quantilesDDStateIf(0.01, 0.5, 0.95, 0.99)(assumeNotNull(duration_ms), isNotNull(duration_ms)) AS durations
FROM events{{suffix}}
GROUP BY project, bucket, service, environment, event_type, severity;

CREATE MATERIALIZED VIEW durations_1m_view{{suffix}}{{cluster}} TO durations_1m{{suffix}} AS
SELECT project, arrayJoin(['', toString(events.service)]) AS service, toDateTime(toStartOfMinute(occurred_at), 'UTC') AS bucket,
  environment, quantilesDDState(0.01, 0.5, 0.95, 0.99)(assumeNotNull(duration_ms)) AS durations,
  max(toDate(received_at)) AS received_on
FROM events{{suffix}} AS events
WHERE event_type = 'http_request' AND isNotNull(duration_ms)
GROUP BY project, service, bucket, environment;

CREATE MATERIALIZED VIEW issues_1m_view{{suffix}}{{cluster}} TO issues_1m{{suffix}} AS
SELECT project, fingerprint, toDateTime(toStartOfMinute(occurred_at), 'UTC') AS bucket, service, release,
  count() AS events, max(toDate(received_at)) AS received_on, fingerprint_own AS own
FROM events{{suffix}}
WHERE fingerprint != ''
GROUP BY project, fingerprint, bucket, service, release, own;

CREATE MATERIALIZED VIEW issues_view{{suffix}}{{cluster}} TO issues{{suffix}} AS
SELECT project, toString(fingerprint) AS fingerprint, min(occurred_at) AS first_seen, max(occurred_at) AS last_seen,
  count() AS events, uniqCombinedStateIf(12)(user_id, user_id != '') AS users, max(events.severity) AS severity,
  groupUniqArray(50)(toString(service)) AS services, groupUniqArrayIf(50)(toString(release), release != '') AS releases,
  max(toString(events.title)) AS title, max(toString(events.culprit)) AS culprit,
  max(toString(events.template)) AS template, max(toString(events.fingerprint_method)) AS fingerprint_method,
  toString(fingerprint_own) AS own
FROM events{{suffix}} AS events
WHERE fingerprint != '' AND event_type = 'error'
GROUP BY project, fingerprint, own;

CREATE MATERIALIZED VIEW deploys_view{{suffix}}{{cluster}} TO deploys{{suffix}} AS
SELECT project, occurred_at, service, environment, release,
  if(attributes['deploy_id'] != '', attributes['deploy_id'], event_id) AS deploy_id,
  if(attributes['change_kind'] != '', attributes['change_kind'], 'code') AS change_kind, message, user_id, attributes
FROM events{{suffix}}
WHERE event_type = 'deploy';

CREATE MATERIALIZED VIEW incidents_view{{suffix}}{{cluster}} TO incidents{{suffix}} AS
SELECT project, incident_id, number, seq, status, title, severity, severity_score, opened_at, updated_at, resolved_at,
  services, fingerprints, events, users, root, suspect_deploy, redirect_to, regressed, flapping, detail
FROM incident_events{{suffix}};
