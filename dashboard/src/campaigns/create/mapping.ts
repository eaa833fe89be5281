import type { components } from '../../api/schema';

type Mapping = components['schemas']['ColumnMapping'];

/** What a column of a list is used for. */
export type Use = 'number' | 'timezone' | 'variable' | 'ignore';

/** One column, and what is made of it. */
export interface ColumnUse {
  column: string;
  use: Use;
  /** The variable's name. */
  name: string;
}

/** What is made of the columns, as the server says. */
export function usesOf(columns: readonly string[], mapped: Mapping): ColumnUse[] {
  return columns.map((column) => {
    const name = mapped.rename?.[column] ?? column;
    if (column === mapped.number) return { column, use: 'number', name };
    if (column === mapped.timezone) return { column, use: 'timezone', name };
    return { column, use: mapped.ignore?.includes(column) ? 'ignore' : 'variable', name };
  });
}

/** The mapping that asks for these uses. */
export function mappingOf(uses: readonly ColumnUse[]): Mapping {
  const used = (use: Use) => uses.filter((it) => it.use === use);
  const number = used('number')[0]?.column;
  const timezone = used('timezone')[0]?.column;
  const renamed = used('variable').filter(({ column, name }) => name.trim() !== '' && name.trim() !== column);
  return {
    ...(number !== undefined && { number }),
    ...(timezone !== undefined && { timezone }),
    rename: Object.fromEntries(renamed.map(({ column, name }) => [column, name.trim()])),
    ignore: used('ignore').map(({ column }) => column),
  };
}

/** Uses a column for something; there is one number and one time zone, so what had been that becomes a variable. */
export function withUse(uses: readonly ColumnUse[], column: string, use: Use): ColumnUse[] {
  return uses.map((it) => {
    if (it.column === column) return { ...it, use };
    return it.use === use && (use === 'number' || use === 'timezone') ? { ...it, use: 'variable' } : it;
  });
}
