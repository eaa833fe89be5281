// For servers without `GET /live`: the same topics, asked for again and again. Goes once every server has it.
import { api, ask, askPage } from './client';
import type { LiveEvents } from './contract';

/** Between two rounds, in milliseconds; a round asks once for each campaign it is about. */
const ROUND = 2_000;

type Put = <E extends keyof LiveEvents>(event: E, data: LiveEvents[E]) => void;

/** Tells `put` what the stream would have told, until `stop`. */
export async function poll(query: string, stop: AbortSignal, put: Put): Promise<void> {
  const wanted = new URLSearchParams(query);
  const list = (name: string) => wanted.get(name)?.split(',') ?? [];
  while (!stop.aborted) {
    const campaign = wanted.get('campaign');
    const round = [
      ...(campaign ? [tellCampaign(campaign, put)] : []),
      ...(list('progress').length > 0 ? [tellProgress(list('progress'), put)] : []),
      ...(wanted.has('calls') ? [tellCalls(wanted.get('calls') ?? 'true', put)] : []),
      ...(list('uploads').length > 0 ? [tellUploads(list('uploads'), put)] : []),
    ];
    await Promise.allSettled(round);
    await new Promise((resolve) => setTimeout(resolve, ROUND));
  }
}

const statsOf = (campaignId: string) =>
  ask(api.GET('/api/v1/campaigns/{campaignId}/stats', { params: { path: { campaignId } } }));

async function tellCampaign(id: string, put: Put): Promise<void> {
  const path = { campaignId: id };
  const [campaign, stats] = await Promise.all([
    ask(api.GET('/api/v1/campaigns/{campaignId}', { params: { path } })),
    statsOf(id),
  ]);
  const { name, reason } = campaign;
  put('campaign', { campaignId: id, name, status: stats.status, reason: reason ?? null, stats, point: null });
}

async function tellProgress(ids: string[], put: Put): Promise<void> {
  const rows = await Promise.all(
    ids.map(async (campaignId) => {
      const { status, recipients, calls } = await statsOf(campaignId);
      const reached = recipients.byDisposition.REACHED ?? 0;
      const { talking, ringing } = calls;
      return { campaignId, status, total: recipients.total, done: recipients.done, reached, talking, ringing };
    }),
  );
  put('progress', rows);
}

async function tellCalls(which: string, put: Put): Promise<void> {
  const of = (status: 'TRIGGERED' | 'ONGOING') =>
    askPage(
      api.GET('/api/v1/sessions', {
        params: { query: { status, limit: 100, ...(which === 'true' ? {} : { campaignId: which }) } },
      }),
    );
  const [ringing, talking] = await Promise.all([of('TRIGGERED'), of('ONGOING')]);
  const items = [...ringing.items, ...talking.items];
  put('calls', { total: items.length, items });
}

async function tellUploads(ids: string[], put: Put): Promise<void> {
  const uploads = ids.map((uploadId) => ask(api.GET('/api/v1/uploads/{uploadId}', { params: { path: { uploadId } } })));
  put('uploads', await Promise.all(uploads));
}
