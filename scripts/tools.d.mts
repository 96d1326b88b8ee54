export declare const IMAGE_TOOLS: readonly string[];
export declare function missingTools(tools: readonly string[]): string[];
export declare function installCommand(tools: readonly string[]): string;
