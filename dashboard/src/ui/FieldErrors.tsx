import { createContext, type ReactNode, use, useEffect, useMemo, useState } from 'react';

import { asProblem, type Problem } from '../api/problem';

interface FieldThere {
  path: string;
  label: string;
}

interface FormState {
  error: unknown;
  fields: readonly FieldThere[];
  add: (field: FieldThere) => () => void;
}

const Form = createContext<FormState | null>(null);

/**
 * Fields below show the API's refusals at the field it names; `<ErrorNote>` of the form names that field, for it may be folded away, or says
 * what is about none of them.
 */
export function FieldErrors({ error, children }: { error: unknown; children: ReactNode }) {
  const [fields, setFields] = useState<readonly FieldThere[]>([]);
  const add = useMemo(
    () => (field: FieldThere) => {
      setFields((all) => [...all, field]);
      return () => setFields((all) => all.filter((it) => it !== field));
    },
    [],
  );
  return <Form value={useMemo(() => ({ error, fields, add }), [error, fields, add])}>{children}</Form>;
}

/** What the form's error says of the field at this path of the API's body, without the path. */
export function useFormError(path: string | undefined, label: ReactNode): string | null {
  const form = use(Form);
  const add = form?.add;
  useEffect(
    () => (path === undefined || typeof label !== 'string' ? undefined : add?.({ path, label })),
    [add, path, label],
  );
  if (!form?.error || path === undefined) return null;
  const problem = asProblem(form.error);
  return isAt(problem.field, path) ? withoutPath(problem) : null;
}

/** What is wrong with which field of the form, by its label; null where the error is about none of them. */
export function useFieldAtFault(error: unknown): string | null {
  const form = use(Form);
  if (!form?.error || form.error !== error) return null;
  const problem = asProblem(error);
  const field = form.fields.find(({ path }) => isAt(problem.field, path));
  return field ? `${field.label}: ${withoutPath(problem)}` : null;
}

const isAt = (field: string | null, path: string): boolean =>
  field !== null && (field === path || field.startsWith(`${path}.`) || field.startsWith(`${path}[`));

const withoutPath = ({ field, message }: Problem): string => message.replace(`${field}: `, '');
