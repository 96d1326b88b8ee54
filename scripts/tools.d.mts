export declare function missingTools(tools?: readonly string[]): string[];
export declare function installCommand(tools: readonly string[]): string;
