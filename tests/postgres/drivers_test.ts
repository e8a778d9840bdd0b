/** Every driver that can be had, with Debian's PostgreSQL where there is one. */
import { allDrivers } from "./drivers.ts";
import { driversSuite } from "./drivers_suite.ts";

driversSuite(await allDrivers());
