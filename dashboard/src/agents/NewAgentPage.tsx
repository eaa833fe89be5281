import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';

import { useWhyNot } from '../api/me';
import { Page } from '../ui/Page';
import { toast } from '../ui/toast';
import { AgentForm } from './AgentForm';
import { bodyOf, NEW } from './draft';
import { makeAgent } from './queries';

/** Makes an agent. */
export function NewAgentPage() {
  const navigate = useNavigate();
  const cache = useQueryClient();
  const why = useWhyNot()('edit agents');
  const make = useMutation({
    mutationFn: makeAgent,
    onSuccess: async (agent) => {
      toast(agent.status === 'draft' ? 'Agent made, as a draft' : 'Agent made');
      await cache.invalidateQueries({ queryKey: ['agents'] });
      await navigate({ to: '/agents/$agentId', params: { agentId: agent.id }, ignoreBlocker: true });
    },
  });
  return (
    <Page title="New agent" crumb={<Link to="/agents">Agents</Link>} isNarrow>
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
