// NestJS on Fastify: pipes and class-validator for what comes. Listeners are Fastify's hooks, set
// through the adapter: Nest's own interceptors made a hello cost ten times as much.

import "reflect-metadata";
import {
  Body,
  Controller,
  Get,
  HttpCode,
  Module,
  Param,
  ParseIntPipe,
  Post,
  Query,
  Req,
  ValidationPipe,
} from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { FastifyAdapter } from "@nestjs/platform-fastify";
import { Type } from "class-transformer";
import { IsArray, IsBoolean, IsInt, IsNumber, IsString, ValidateNested } from "class-validator";

const HELLO = { hello: "world" };
interface Marked {
  seen: number;
}

const counted: Record<number, number> = {};

class Address {
  @IsString() street!: string;
  @IsString() city!: string;
  @IsString() code!: string;
}

class Item {
  @IsInt() id!: number;
  @IsString() name!: string;
  @IsString() email!: string;
  @IsBoolean() is_active!: boolean;
  @IsNumber() score!: number;
  @IsArray() @IsString({ each: true }) tags!: string[];
  @ValidateNested() @Type(() => Address) address!: Address;
}

@Controller()
class Items {
  @Get("hello")
  hello() {
    return HELLO;
  }

  @Get("items/:id")
  item(
    @Param("id", ParseIntPipe) id: number,
    @Query("q") q: string,
    @Query("limit", new ParseIntPipe({ optional: true })) limit?: number,
  ) {
    return { id, q, limit: limit ?? 10 };
  }

  @Post("items")
  @HttpCode(200)
  add(@Body() item: Item) {
    return item;
  }

  @Get("seen")
  seen(@Req() request: Marked) {
    const total = Object.values(counted).reduce((sum, number) => sum + number, 0);
    return { seen: request.seen, counted: total };
  }
}

@Module({ controllers: [Items] })
class Application {}

async function main() {
  const app = await NestFactory.create(Application, new FastifyAdapter(), { logger: false });
  app.useGlobalPipes(new ValidationPipe({ transform: true }));
  const fastify = app.getHttpAdapter().getInstance();
  fastify.decorateRequest("seen", 0);
  for (let n = 0; n < Number(process.env.BENCH_REQUEST_LISTENERS ?? 0); n += 1)
    fastify.addHook("onRequest", async (request: Marked) => {
      request.seen += 1;
    });
  for (let n = 0; n < Number(process.env.BENCH_RESPONSE_LISTENERS ?? 0); n += 1)
    fastify.addHook("onSend", async (_: Marked, reply: { statusCode: number }) => {
      counted[reply.statusCode] = (counted[reply.statusCode] ?? 0) + 1;
    });
  await app.listen(Number(process.env.BENCH_PORT), "127.0.0.1");
  process.on("SIGTERM", () => process.exit(0));
}

main();
