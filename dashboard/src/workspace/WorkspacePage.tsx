import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

import { meQuery, useMe, useWhyNot } from '../api/me';
import { Button } from '../ui/Button';
import { Copy } from '../ui/Copy';
import { TextField } from '../ui/Field';
import { Form } from '../ui/Form';
import { ErrorNote } from '../ui/Note';
import { Card, Page } from '../ui/Page';
import { Skeleton } from '../ui/Skeleton';
import { Facts } from '../ui/Stat';
import { toast } from '../ui/toast';
import { renameWorkspace, rulesQuery } from './queries';
import { RulesForm } from './RulesForm';
import styles from './Workspace.module.css';

/** The workspace's name, and what holds for all its campaigns. */
export function WorkspacePage() {
  const rules = useQuery(rulesQuery);
  return (
    <Page
      title="Calling rules"
      lead="What holds for every call of the workspace, whichever campaign makes it. A campaign can be stricter, never looser."
      isNarrow
    >
      {rules.data === undefined && <ErrorNote error={rules.error} onRetry={() => rules.refetch()} />}
      {rules.isPending && (
        <Card>
          <Skeleton lines={8} />
        </Card>
      )}
      {rules.data && <RulesForm known={rules.data} />}
      <Name />
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
    <Card title="The workspace" isStack>
      <Form error={rename.error} onSubmit={() => why === undefined && rename.mutate()}>
        <TextField
          label="Name of the workspace"
          path="name"
          required
          hint="No other workspace of this installation has it. Nothing but people reads it: programs know the id."
          value={name}
          onChange={setName}
        />
        <div>
          <Button type="submit" why={why} isPending={rename.isPending} disabled={name.trim() === workspace.name}>
            Rename
          </Button>
        </div>
      </Form>
      <Facts
        facts={[
          [
            'Id',
            <span key="id" className={styles.id}>
              <code>{workspace.id}</code>
              <Copy text={workspace.id} what="the id" />
            </span>,
          ],
        ]}
      />
    </Card>
  );
}
