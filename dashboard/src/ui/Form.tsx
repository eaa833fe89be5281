import type { ReactNode } from 'react';

import { FieldErrors } from './FieldErrors';
import styles from './Form.module.css';
import { ErrorNote } from './Note';

/** Fields below each other, with the API's refusal at the field it is about, and else at the end. */
export function Form({
  id,
  error,
  onSubmit,
  children,
}: {
  /** For a button outside of it, as dialogs have at their foot: `<Button type="submit" form={id}>`. */
  id?: string;
  error: unknown;
  onSubmit: () => void;
  children: ReactNode;
}) {
  return (
    <FieldErrors error={error}>
      <form
        id={id}
        className={styles.form}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit();
        }}
      >
        {children}
        <ErrorNote error={error} />
      </form>
    </FieldErrors>
  );
}

/** Short fields beside each other. */
export function FieldRow({ children }: { children: ReactNode }) {
  return <div className={styles.row}>{children}</div>;
}

/** Short fields beside each other with a button at their end that takes them away. */
export function RowWithRemove({ children, remove }: { children: ReactNode; remove: ReactNode }) {
  return (
    <div className={styles.withRemove}>
      <div className={styles.row}>{children}</div>
      {remove}
    </div>
  );
}
