import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useId, useState } from 'react';

import { agentsQuery } from '../../agents/queries';
import { api, ask } from '../../api/client';
import { given } from '../../api/given';
import { open } from '../../api/open';
import { trunksQuery } from '../../trunks/queries';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { Select, TextField } from '../../ui/Field';
import { Form } from '../../ui/Form';
import { Note } from '../../ui/Note';
import { objectOf, type Pair, Pairs, pair } from '../../ui/Pairs';

/** Calls one number now, with any agent: to try things out. */
export function PlaceCall({
  with: first,
  version,
  onClose,
}: {
  /** The agent to begin with. */
  with?: string | undefined;
  /** A version of it that is not published yet. */
  version?: string | undefined;
  onClose: () => void;
}) {
  const formId = useId();
  const navigate = useNavigate();
  const cache = useQueryClient();
  const agents = useQuery(agentsQuery).data?.items ?? [];
  const trunks = (useQuery(trunksQuery).data?.items ?? []).filter(({ channel }) => channel === 'voice');
  const [agentId, setAgent] = useState(first ?? '');
  const [toNumber, setNumber] = useState('');
  const [trunkId, setTrunk] = useState('');
  const [values, setValues] = useState<readonly Pair[]>([pair()]);
  const chosen = agentId || (agents[0]?.id ?? '');
  const versionId = chosen === first ? version : undefined;
  const place = useMutation({
    mutationFn: () => {
      const variables = open(objectOf(values));
      const body = { agentId: chosen, toNumber: toNumber.replace(/[\s().-]/g, ''), variables };
      return ask(api.POST('/api/v1/sessions', { body: { ...body, ...given({ trunkId, versionId }) } }));
    },
    onSuccess: async ({ id }) => {
      await cache.invalidateQueries({ queryKey: ['calls', 'list'] });
      await navigate({ to: '/calls/$callId', params: { callId: id } });
    },
  });
  return (
    <Dialog
      title="Place a call"
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" type="submit" form={formId} isPending={place.isPending}>
            Call now
          </Button>
        </>
      }
    >
      <Form id={formId} error={place.error} onSubmit={() => place.mutate()}>
        <Note>
          It overtakes every campaign and rings at once. Workspace hours and suppression lists hold for it as well.
        </Note>
        <TextField
          label="Number"
          path="toNumber"
          type="tel"
          placeholder="+14155550100"
          value={toNumber}
          onChange={setNumber}
        />
        <Select
          label="Agent"
          path="agentId"
          value={chosen}
          onChange={setAgent}
          hint={versionId && `Its version ${versionId}, as it is, published or not.`}
          options={agents.map(({ id, name }) => [id, name])}
        />
        <Select
          label="Trunk"
          path="trunkId"
          value={trunkId}
          onChange={setTrunk}
          options={[['', 'As the workspace has it'], ...trunks.map(({ id, name }) => [id, name] as const)]}
        />
        <Pairs label="Values for the places in its texts" add="Add a value" pairs={values} onChange={setValues} />
      </Form>
    </Dialog>
  );
}
