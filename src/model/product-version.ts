declare const __PRODUCT_VERSION__: string | undefined;

/** The version of this program, from package.json; `0.0.0-source` when it runs from its source files. */
export const PRODUCT_VERSION = typeof __PRODUCT_VERSION__ === 'string' ? __PRODUCT_VERSION__ : '0.0.0-source';
