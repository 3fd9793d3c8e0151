--
-- PostgreSQL database dump
--

\restrict k3y

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18

SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);

CREATE TABLE public.content (
    id integer DEFAULT 'it''s; \! no' /* DROP DATABASE a; */
);
CREATE UNLOGGED TABLE "Odd ""Schema"."AO_1_X" (a text);
CREATE FUNCTION public.f() RETURNS void LANGUAGE plpgsql AS $_$ BEGIN DROP DATABASE x; END; \! $1 $_$;
COPY public.content (id) FROM stdin;
1	DROP DATABASE production;\n
\\! rm
\N
\\.
\.

SELECT pg_catalog.setval('public.s', 12, true);
ALTER TABLE public.content OWNER TO conf;
--
-- PostgreSQL database dump complete
--

\unrestrict k3y

