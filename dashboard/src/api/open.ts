/** An object whose fields are the caller's own: its type, made from the description, has none. */
export const open = (fields: Readonly<Record<string, unknown>>): never => fields as never;
