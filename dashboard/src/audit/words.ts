import { capital } from '../ui/format';
import type { AuditEntry } from './queries';

/** Changes in words, by their names in the API. */
const ACTIONS: Readonly<Record<string, string>> = {
  'agent.archive': 'Put an agent away',
  'agent.create': 'Made an agent',
  'agent.edit': 'Changed an agent',
  'agent.publish': 'Published an agent',
  'agent.rollback': 'Rolled an agent back',
  'apiKey.create': 'Made an API key',
  'apiKey.revoke': 'Revoked an API key',
  'apiKey.rotate': 'Rotated an API key',
  'campaign.cancel': 'Cancelled a campaign',
  'campaign.clone': 'Cloned a campaign',
  'campaign.create': 'Made a campaign',
  'campaign.edit': 'Changed a campaign',
  'campaign.expire': 'Ended a campaign whose time was over',
  'campaign.fail': 'Stopped a campaign that failed',
  'campaign.finish': 'Finished a campaign',
  'campaign.pause': 'Paused a campaign',
  'campaign.retry': 'Made a second try of a campaign',
  'campaign.start': 'Started a campaign',
  'delivery.replay': 'Sent a delivery again',
  'invite.accept': 'Accepted an invitation',
  'invite.create': 'Invited somebody',
  'invite.withdraw': 'Withdrew an invitation',
  'lead.bulk': 'Made or changed many leads',
  'lead.create': 'Made a lead',
  'lead.delete': 'Deleted a lead',
  'lead.edit': 'Changed a lead',
  'member.leave': 'Left the workspace',
  'member.remove': 'Removed a member',
  'member.setRole': 'Changed the role of a member',
  'person.erase': 'Erased a person',
  'recipient.reschedule': 'Had a recipient called again',
  'recipients.add': 'Added recipients',
  'recipients.import': 'Imported recipients',
  'session.create': 'Placed a call',
  'session.receipt': 'Told what became of a message',
  'session.transcript': 'Told what was said in a call',
  'session.transfer': 'Handed a call on',
  'suppression.add': 'Suppressed a number',
  'suppression.import': 'Suppressed the numbers of a file',
  'suppression.remove': 'Took a number off the suppression list',
  'trunk.create': 'Made a trunk',
  'trunk.edit': 'Changed a trunk',
  'trunk.pause': 'Paused a trunk',
  'trunk.resume': 'Resumed a trunk',
  'trunk.token': 'Got a token for a room',
  'trunk_group.create': 'Made a trunk group',
  'upload.append': 'Sent a part of a file',
  'upload.create': 'Began an upload',
  'upload.map': 'Said what the columns of a file are',
  'upload.remove': 'Removed an upload',
  'webhook.create': 'Made a webhook',
  'webhook.delete': 'Deleted a webhook',
  'webhook.edit': 'Changed a webhook',
  'webhook.replay': 'Sent deliveries of a webhook again',
  'webhook.rotate_secret': 'Rotated the secret of a webhook',
  'webhook.test': 'Tried a webhook out',
  'worker.drain': 'Drained a worker',
  'worker.resume': 'Resumed a worker',
  'workspace.create': 'Made the workspace',
  'workspace.delete': 'Deleted the workspace',
  'workspace.rename': 'Renamed the workspace',
  'workspace.rules': 'Changed the calling rules',
};

/** A change in words; one that is not known is told by its name. */
export function actionOf(action: string): string {
  const known = ACTIONS[action];
  if (known !== undefined) return known;
  const [what = '', did = ''] = action.split('.');
  const spaced = (text: string) => text.replace(/[_-]/g, ' ').replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  const thing = spaced(what);
  return `${capital(thing)}${did && `: ${spaced(did)}`}`;
}

/** Changes to choose from; the chosen one is among them even if it is not known here. */
export function actionChoices(chosen: string | undefined): [string, string][] {
  const known = Object.keys(ACTIONS);
  const all = chosen === undefined || known.includes(chosen) ? known : [...known, chosen];
  return all.map((action): [string, string] => [action, actionOf(action)]).sort(([, a], [, b]) => a.localeCompare(b));
}

/** Where the thing that was changed can be seen: on a page of its own, or on the one that lists it; null where it has none. */
export function pageOf(target: AuditEntry['target']): string | null {
  if (!target) return null;
  const id = encodeURIComponent(target.id);
  const pages: Readonly<Record<string, string>> = {
    agent: `/agents/${id}`,
    'API key': '/keys',
    campaign: `/campaigns/${id}`,
    invite: '/members',
    lead: `/leads/${id}`,
    session: `/calls/${id}`,
    trunk: `/trunks/${id}`,
    'trunk group': '/trunks',
    user: '/members',
    webhook: `/webhooks/${id}`,
    worker: '/fleet',
    workspace: '/workspace',
  };
  return pages[target.kind] ?? null;
}

/** Kinds of things that people know by another word than the API. */
const KINDS: Readonly<Record<string, string>> = { session: 'call', user: 'member', invite: 'invitation' };

/** What was changed, by its name where the entry tells it, else by the end of its id. */
export function targetOf({ target, detail }: Pick<AuditEntry, 'target' | 'detail'>): string | null {
  if (!target) return null;
  const kind = KINDS[target.kind] ?? target.kind;
  const said = (detail ?? {}) as Record<string, unknown>;
  const name = [said.name, said.email].find((value) => typeof value === 'string');
  if (typeof name === 'string') return `${kind} ${name}`;
  return target.kind === 'workspace' ? 'the workspace' : `${kind} …${target.id.slice(-6)}`;
}
