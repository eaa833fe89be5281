import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

import { meQuery, useMe, useWhyNot } from '../api/me';
import { Button } from '../ui/Button';
import { TextField } from '../ui/Field';
import { Form } from '../ui/Form';
import { ErrorNote } from '../ui/Note';
import { Card, Page } from '../ui/Page';
import { Skeleton } from '../ui/Skeleton';
import { toast } from '../ui/toast';
import { renameWorkspace, rulesQuery } from './queries';
import { RulesForm } from './RulesForm';

/** The workspace's name, and what holds for all its campaigns. */
export function WorkspacePage() {
  const rules = useQuery(rulesQuery);
  return (
    <Page
      title="Rules"
      lead="What holds for every call of the workspace. A campaign can be stricter, never looser."
      isNarrow
    >
      <Name />
      <ErrorNote error={rules.error} onRetry={() => rules.refetch()} />
      {rules.isPending && (
        <Card>
          <Skeleton lines={8} />
        </Card>
      )}
      {rules.data && <RulesForm rules={rules.data} />}
    </Page>
  );
}

function Name() {
  const { workspace } = useMe();
  const [name, setName] = useState(workspace.name);
  const why = useWhyNot()('edit the workspace');
  const cache = useQueryClient();
  const rename = useMutation({
    mutationFn: () => renameWorkspace(workspace.id, name.trim()),
    onSuccess: () => {
      toast('The workspace is renamed');
      return cache.invalidateQueries({ queryKey: meQuery.queryKey });
    },
  });
  return (
    <Card title="Name">
      <Form error={rename.error} onSubmit={() => why === undefined && rename.mutate()}>
        <TextField label="Name of the workspace" path="name" required value={name} onChange={setName} />
        <div>
          <Button type="submit" why={why} isPending={rename.isPending}>
            Rename
          </Button>
        </div>
      </Form>
    </Card>
  );
}
