/** What a page wants to see live; all that its parts want is asked for by one stream. */
export interface Topics {
  /** One campaign with its figures. */
  campaign?: string | undefined;
  /** The progress of up to 100 campaigns. */
  progress?: readonly string[] | undefined;
  /** Live calls: of the workspace (`true`) or of one campaign. */
  calls?: true | string | undefined;
  /** Workers and lanes. */
  fleet?: boolean | undefined;
  /** Uploads on their way. */
  uploads?: readonly string[] | undefined;
}

/** Most campaigns whose progress one stream tells. */
const MOST = 100;

/** Everything that is wanted, as one query string; empty where nothing is. */
export function queryOf(wanted: Iterable<Topics>): string {
  let campaign: string | undefined;
  let calls: true | string | undefined;
  let fleet = false;
  const progress = new Set<string>();
  const uploads = new Set<string>();
  for (const topics of wanted) {
    campaign = topics.campaign ?? campaign;
    // All calls include those of one campaign.
    if (topics.calls !== undefined && calls !== true) calls = topics.calls;
    fleet ||= topics.fleet ?? false;
    for (const id of topics.progress ?? []) progress.add(id);
    for (const id of topics.uploads ?? []) uploads.add(id);
  }
  const query = new URLSearchParams();
  if (campaign !== undefined) query.set('campaign', campaign);
  if (progress.size > 0) query.set('progress', [...progress].slice(0, MOST).join(','));
  if (calls !== undefined) query.set('calls', String(calls));
  if (fleet) query.set('fleet', 'true');
  if (uploads.size > 0) query.set('uploads', [...uploads].join(','));
  return query.toString();
}
