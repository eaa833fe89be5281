import { api, askPage } from '../api/client';
import { given } from '../api/given';

/** What narrows the log: ids as they are shown, and times. */
export interface AuditFilter {
  actor?: string | undefined;
  action?: string | undefined;
  target?: string | undefined;
  since?: string | undefined;
  until?: string | undefined;
}

/** One page of who changed what, newest first. */
export const auditPage = (filter: AuditFilter, cursor: string | null, signal: AbortSignal) =>
  askPage(api.GET('/api/v1/audit-log', { params: { query: { limit: 100, ...given({ ...filter, cursor }) } }, signal }));

/** One entry of it. */
export type AuditEntry = Awaited<ReturnType<typeof auditPage>>['items'][number];
