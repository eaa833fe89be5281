import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { Phone } from 'lucide-react';
import { useState } from 'react';

import { useWhyNot } from '../api/me';
import { Button, ButtonLink } from '../ui/Button';
import { Chip } from '../ui/Chip';
import { ErrorNote, Note } from '../ui/Note';
import { Card, Page } from '../ui/Page';
import { More, rowsOf } from '../ui/PageCard';
import { Skeleton } from '../ui/Skeleton';
import { toast } from '../ui/toast';
import { AgentForm } from './AgentForm';
import { bodyOf, draftOf } from './draft';
import { PutAway } from './PutAway';
import { type Agent, changeAgent, publishAgent, versionsQuery } from './queries';
import { Versions } from './Versions';

/** One agent: its latest version, to be changed and published, and the ones before. */
export function AgentPage() {
  const { agentId } = useParams({ from: '/shell/agents/$agentId' });
  const list = useInfiniteQuery(versionsQuery(agentId));
  const versions = rowsOf(list);
  const latest = versions[0];
  return (
    <Page
      title={latest?.name ?? 'Agent'}
      crumb={<Link to="/agents">Agents</Link>}
      aside={latest && <Chip tone={latest.publishedVersion ? 'good' : 'warn'}>{calls(latest)}</Chip>}
      actions={latest && !latest.archivedAt && <Actions agent={latest} />}
      isNarrow
    >
      <ErrorNote error={list.error} onRetry={() => list.refetch()} />
      {list.isPending && (
        <Card>
          <Skeleton lines={8} />
        </Card>
      )}
      {latest && (
        <>
          <Unpublished agent={latest} />
          <Edit key={latest.version} agent={latest} />
          <Versions versions={versions} />
          <More list={list} says="Show older versions" />
        </>
      )}
    </Page>
  );
}

const calls = ({ publishedVersion, archivedAt }: Agent): string =>
  archivedAt ? 'Put away' : publishedVersion ? `Calls are made with ${publishedVersion}` : 'Draft';

function Actions({ agent }: { agent: Agent }) {
  const why = useWhyNot()('publish agents');
  const [isAsking, setAsking] = useState(false);
  return (
    <>
      <ButtonLink to="/calls" search={{ place: agent.id, version: agent.version }}>
        <Phone aria-hidden />
        Try it
      </ButtonLink>
      <Button why={why} onClick={() => setAsking(true)}>
        Put away
      </Button>
      {isAsking && <PutAway agent={agent} onClose={() => setAsking(false)} />}
    </>
  );
}

/** The latest version is a draft: says so, and publishes it. */
function Unpublished({ agent }: { agent: Agent }) {
  const why = useWhyNot()('publish agents');
  const cache = useQueryClient();
  const publish = useMutation({
    mutationFn: () => publishAgent(agent.id, agent.version),
    onSuccess: () => {
      toast(`Calls are made with ${agent.version} from now on`);
      return cache.invalidateQueries({ queryKey: ['agents'] });
    },
  });
  if (agent.publishedVersion === agent.version || agent.status !== 'draft') return null;
  return (
    <>
      <Note
        tone="warn"
        action={
          <Button variant="primary" why={why} isPending={publish.isPending} onClick={() => publish.mutate()}>
            Publish {agent.version}
          </Button>
        }
      >
        {agent.version} is a draft:{' '}
        {agent.publishedVersion ? `calls go on with ${agent.publishedVersion}` : 'no campaign can start with it'} until
        it is published.
      </Note>
      <ErrorNote error={publish.error} />
    </>
  );
}

function Edit({ agent }: { agent: Agent }) {
  const why = useWhyNot()('edit agents');
  const cache = useQueryClient();
  const save = useMutation({
    mutationFn: (body: ReturnType<typeof bodyOf>) => changeAgent(agent.id, body),
    onSuccess: (saved) => {
      toast(saved.version === agent.version ? 'Nothing was another' : `Saved as the draft ${saved.version}`);
      return cache.invalidateQueries({ queryKey: ['agents'] });
    },
  });
  return (
    <AgentForm
      from={draftOf(agent)}
      save="Save as a draft"
      why={agent.archivedAt ? 'It is put away.' : why}
      error={save.error}
      isPending={save.isPending}
      onSave={(draft) => save.mutate(bodyOf(draft, agent))}
    />
  );
}
