import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';

import { api, ask } from '../../api/client';
import { Button, ButtonLink } from '../../ui/Button';
import { Select, TextField } from '../../ui/Field';
import { FieldErrors } from '../../ui/FieldErrors';
import { ErrorNote, Note } from '../../ui/Note';
import { Card } from '../../ui/Page';
import { Skeleton } from '../../ui/Skeleton';
import { rulesQuery } from '../../workspace/queries';
import { agentsQuery, type PreviewRow, previewQuery, trunkGroupsQuery, trunksQuery, type Upload } from '../queries';
import { NewAgent } from './NewAgent';
import { NoTrunk } from './NoTrunk';
import { PreviewTable } from './PreviewTable';
import styles from './Upload.module.css';

/** In place of an agent's id: one is to be made. */
const NEW = 'new';

/** The name, who talks, and by which trunk. Continued, the campaign is a draft on the server. */
export function AgentStep({ upload }: { upload: Upload }) {
  const agents = useQuery(agentsQuery);
  const trunks = useQuery(trunksQuery);
  const groups = useQuery(trunkGroupsQuery);
  const rules = useQuery(rulesQuery).data?.rules;
  const hasDefault = rules === undefined || rules.defaultTrunkId != null || rules.defaultTrunkGroupId != null;
  const error = agents.error ?? trunks.error ?? groups.error;
  if (error)
    return <ErrorNote error={error} onRetry={() => Promise.all([agents, trunks, groups].map((it) => it.refetch()))} />;
  if (!agents.data || !trunks.data || !groups.data) return <Skeleton />;
  const ways = [
    ...trunks.data.items.filter(({ channel }) => channel === 'voice').map(({ id, name }) => [id, name] as const),
    ...groups.data.items.map(({ id, name }) => [id, `${name} (group)`] as const),
  ];
  return <AgentForm upload={upload} agents={agents.data.items} ways={ways} hasDefault={hasDefault} />;
}

function AgentForm({
  upload,
  agents,
  ways,
  hasDefault,
}: {
  upload: Upload;
  agents: readonly { id: string; name: string; publishedVersion?: string | null }[];
  ways: readonly (readonly [id: string, name: string])[];
  /** The workspace says which of them is taken where none is chosen. */
  hasDefault: boolean;
}) {
  const cache = useQueryClient();
  const navigate = useNavigate();
  const [name, setName] = useState(nameOf(upload.filename ?? ''));
  const [agentId, setAgentId] = useState(agents[0]?.id ?? NEW);
  const [way, setWay] = useState(ways.length === 1 ? (ways[0]?.[0] ?? '') : '');
  const agent = agents.find(({ id }) => id === agentId);
  const preview = useQuery({ ...previewQuery(upload, agent?.id), enabled: agent?.publishedVersion != null });
  const create = useMutation({
    mutationFn: () => {
      const by = way === '' ? {} : way.startsWith('trk_') ? { trunkId: way } : { trunkGroupId: way };
      const source = { type: 'csv' as const, uploadId: upload.id };
      return ask(api.POST('/api/v1/campaigns', { body: { name: name.trim(), agentId, source, ...by } }));
    },
    onSuccess: async ({ id }) => {
      void cache.invalidateQueries({ queryKey: ['campaigns', 'list'] });
      await navigate({ to: '/campaigns/$campaignId/setup', params: { campaignId: id }, search: { step: 'channels' } });
    },
  });
  const whyNotOn = (): string | undefined => {
    if (name.trim() === '') return 'The campaign needs a name.';
    if (agentId === NEW) return 'Make the agent first.';
    return ways.length > 1 && way === '' && !hasDefault ? 'Choose a trunk first.' : undefined;
  };
  return (
    <FieldErrors error={create.error}>
      <Card title="Campaign">
        <div className={styles.form}>
          <div className={styles.pair}>
            <TextField label="Name" path="name" value={name} onChange={setName} />
            <Select
              label="Agent"
              path="agentId"
              value={agentId}
              onChange={setAgentId}
              options={[
                ...agents.map((it) => [it.id, it.publishedVersion ? it.name : `${it.name} (not published)`] as const),
                [NEW, 'Make a simple one…'],
              ]}
            />
            {ways.length > 1 && (
              <Select
                label="Trunk"
                path="trunkId"
                hint="What places the calls."
                value={way}
                onChange={setWay}
                options={[['', hasDefault ? "The workspace's" : 'Choose one'], ...ways]}
              />
            )}
          </div>
          {ways.length === 0 && <NoTrunk />}
          {agentId === NEW && <NewAgent columns={upload.columns} onMade={setAgentId} />}
          {agent && !agent.publishedVersion && (
            <Note
              tone="warn"
              action={
                <ButtonLink to="/agents/$agentId" params={{ agentId: agent.id }}>
                  See the agent
                </ButtonLink>
              }
            >
              No version of {agent.name} is published. The campaign can be made, and started once somebody has published
              one.
            </Note>
          )}
          <ErrorNote error={create.error} />
        </div>
      </Card>
      <ErrorNote error={preview.error} />
      {agent && preview.data && <FirstWords rows={preview.data} />}
      <div className={styles.buttons}>
        <Button onClick={() => navigate({ to: '/campaigns/new', search: { upload: upload.id } })}>Back</Button>
        <Button variant="primary" isPending={create.isPending} why={whyNotOn()} onClick={() => create.mutate()}>
          Continue
        </Button>
      </div>
    </FieldErrors>
  );
}

/** What the agent says first, filled in for each row. */
function FirstWords({ rows }: { rows: readonly PreviewRow[] }) {
  const hasWords = rows.some(({ greetingText, openingLine }) => greetingText ?? openingLine);
  if (!hasWords) return <Note>This agent has no text to begin with: it plays its recording, or a chime.</Note>;
  return <PreviewTable rows={rows} withWords />;
}

/** `march_reminders.csv` makes `march reminders`. */
function nameOf(filename: string): string {
  return filename
    .replace(/\.[^.]*$/, '')
    .replaceAll(/[_-]+/g, ' ')
    .trim();
}
