/**
 * The tables ad-hoc SQL may read: a public interface, as docs and saved queries depend on it. Each has a
 * column `project`. `latest` tables keep one row per key: reading them gives that row only.
 */
export const PUBLIC_TABLES: Readonly<Record<string, { latest: boolean }>> = {
  events: { latest: false },
  events_10s: { latest: false },
  events_1m: { latest: false },
  events_1h: { latest: false },
  issues: { latest: true },
  incidents: { latest: true },
  incident_events: { latest: false },
  detections: { latest: false },
  deploys: { latest: false },
  insights: { latest: false },
  actions: { latest: false },
  deliveries: { latest: false },
  dead_letters: { latest: false },
}
