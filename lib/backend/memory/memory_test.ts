import { testBackend } from "../../../tests/conformance/backend.ts";
import { memoryBackend } from "./mod.ts";

testBackend("memory", (clock) => Promise.resolve(memoryBackend(clock)));
