// Paper has no script.
export const csr = false
