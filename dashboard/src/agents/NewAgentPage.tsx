import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useRouter, useSearch } from '@tanstack/react-router';

import { useWhyNot } from '../api/me';
import { BackNote } from '../ui/BackNote';
import { Page } from '../ui/Page';
import { toast } from '../ui/toast';
import { AgentForm } from './AgentForm';
import { bodyOf, NEW } from './draft';
import { agentsQuery, makeAgent } from './queries';

/** Makes an agent. */
export function NewAgentPage() {
  const { back } = useSearch({ from: '/shell/agents/new' });
  const navigate = useNavigate();
  const { history } = useRouter();
  const cache = useQueryClient();
  const why = useWhyNot()('edit agents');
  const make = useMutation({
    mutationFn: makeAgent,
    onSuccess: async (agent) => {
      toast(agent.status === 'draft' ? 'Agent made, as a draft' : 'Agent made');
      await cache.invalidateQueries({ queryKey: ['agents'] });
      // The page one came from chooses from this list as it opens.
      if (back) await cache.prefetchQuery({ ...agentsQuery, staleTime: 0 });
      if (back) history.push(back, undefined, { ignoreBlocker: true });
      else await navigate({ to: '/agents/$agentId', params: { agentId: agent.id }, ignoreBlocker: true });
    },
  });
  return (
    <Page title="New agent" crumb={<Link to="/agents">Agents</Link>} isNarrow>
      <BackNote back={back} what="the agent" />
      <AgentForm
        from={NEW}
        save="Make the agent"
        why={why}
        error={make.error}
        isPending={make.isPending}
        onSave={(draft) => make.mutate(bodyOf(draft))}
      />
    </Page>
  );
}
