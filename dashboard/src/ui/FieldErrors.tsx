import { createContext, type ReactNode, use, useEffect, useMemo, useState } from 'react';

import { asProblem } from '../api/problem';

interface FormState {
  error: unknown;
  /** Paths of the fields that are there. */
  paths: ReadonlySet<string>;
  add: (path: string) => () => void;
}

const Form = createContext<FormState | null>(null);

/** Fields below show the API's refusals at the field it names; `<ErrorNote>` of the form shows those that name none of them. */
export function FieldErrors({ error, children }: { error: unknown; children: ReactNode }) {
  const [paths, setPaths] = useState<ReadonlySet<string>>(new Set());
  const add = useMemo(
    () => (path: string) => {
      setPaths((all) => new Set(all).add(path));
      return () => setPaths((all) => new Set([...all].filter((it) => it !== path)));
    },
    [],
  );
  return <Form value={useMemo(() => ({ error, paths, add }), [error, paths, add])}>{children}</Form>;
}

/** What the form's error says of the field at this path of the API's body, without the path. */
export function useFormError(path: string | undefined): string | null {
  const form = use(Form);
  const add = form?.add;
  useEffect(() => (path === undefined ? undefined : add?.(path)), [add, path]);
  if (!form?.error || path === undefined) return null;
  const { field, message } = asProblem(form.error);
  return field !== null && isAt(field, path) ? message.replace(`${field}: `, '') : null;
}

/** Whether an error of the form stands at one of its fields already. */
export function useIsAtField(error: unknown): boolean {
  const form = use(Form);
  if (!form?.error || form.error !== error) return false;
  const { field } = asProblem(error);
  return field !== null && [...form.paths].some((path) => isAt(field, path));
}

const isAt = (field: string, path: string): boolean =>
  field === path || field.startsWith(`${path}.`) || field.startsWith(`${path}[`);
