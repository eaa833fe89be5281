import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

import { api, ask } from '../../api/client';
import { Button } from '../../ui/Button';
import { Select, TextField } from '../../ui/Field';
import { ErrorNote } from '../../ui/Note';
import { Card } from '../../ui/Page';
import { type PreviewRow, type Upload, uploadQuery } from '../queries';
import { mappingOf, type Use, usesOf, withUse } from './mapping';
import styles from './Upload.module.css';

const USES: readonly (readonly [Use, string])[] = [
  ['number', 'Number to call'],
  ['timezone', 'Time zone'],
  ['variable', 'Variable'],
  ['ignore', 'Leave out'],
];

/** What each column of the list is used for. Changed, the list is looked through anew. */
export function MappingForm({ upload, rows }: { upload: Upload; rows: readonly PreviewRow[] }) {
  const cache = useQueryClient();
  const asShown = usesOf(upload.columns, upload.mapped ?? upload.mapping);
  const [uses, setUses] = useState(asShown);
  const isChanged = JSON.stringify(uses) !== JSON.stringify(asShown);
  const apply = useMutation({
    mutationFn: () => {
      const params = { path: { uploadId: upload.id } };
      return ask(api.PUT('/api/v1/uploads/{uploadId}/mapping', { params, body: mappingOf(uses) }));
    },
    onSuccess: () => cache.invalidateQueries({ queryKey: uploadQuery(upload.id).queryKey }),
  });
  const good = rows.find(({ to }) => to != null);
  const sample = (column: string, use: Use) => {
    if (use === 'number') return good?.to ?? '';
    const value = (good?.variables as Record<string, unknown> | undefined)?.[upload.mapped?.rename?.[column] ?? column];
    return typeof value === 'string' ? value : '';
  };
  return (
    <Card title="Columns" isFlush>
      <ul className={styles.mapping}>
        {uses.map(({ column, use, name }) => (
          <li key={column}>
            <span className={styles.column}>{column}</span>
            <span className={styles.sample}>{sample(column, use)}</span>
            <Select
              label={`Use of ${column}`}
              value={use}
              options={USES}
              onChange={(next) => setUses(withUse(uses, column, next))}
            />
            {use === 'variable' ? (
              <TextField
                label={`Name of the variable ${column}`}
                value={name}
                onChange={(next) => setUses(uses.map((it) => (it.column === column ? { ...it, name: next } : it)))}
              />
            ) : (
              <span />
            )}
          </li>
        ))}
      </ul>
      <div className={styles.foot}>
        <Button isPending={apply.isPending} disabled={!isChanged} onClick={() => apply.mutate()}>
          Apply and look through again
        </Button>
        <ErrorNote error={apply.error} />
      </div>
    </Card>
  );
}
