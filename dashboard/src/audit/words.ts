import type { AuditEntry } from './queries';

/** A change in words: `campaign.edit` → Campaign: edit. */
export function actionOf(action: string): string {
  const [what = '', did = ''] = action.split('.');
  const spaced = (text: string) => text.replace(/[_-]/g, ' ').replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  const thing = spaced(what).replace(/^api /, 'API ');
  return `${thing.slice(0, 1).toUpperCase()}${thing.slice(1)}${did && `: ${spaced(did)}`}`;
}

/** Where the thing that was changed has a page of its own; null where it has none. */
export function pageOf(target: AuditEntry['target']): string | null {
  if (!target) return null;
  const id = encodeURIComponent(target.id);
  const pages: Readonly<Record<string, string>> = {
    campaign: `/campaigns/${id}`,
    agent: `/agents/${id}`,
    webhook: `/webhooks/${id}`,
    session: `/calls/${id}`,
    call: `/calls/${id}`,
    lead: `/leads/${id}`,
    trunk: `/trunks/${id}`,
  };
  return pages[target.kind] ?? null;
}
