/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grammar.y - the pipeline language, for lemon.
 *
 * expr is the boolean level, term what stands on either side of a comparison;
 * kept apart, BETWEEN's AND is not ambiguous.  What Flink knows and we do not is
 * refused before it gets here (tbl/refused.h), or parsed here and refused by name.
 */
%name fl_sql_parser
%token_prefix TK_
%token_type {struct fl_token}
%default_type {struct fl_token}
%extra_argument {struct fl_parse *ps}
%stack_size 2000

%include {
#include <assert.h>
#include "ast.h"
#define NEW(type) FL_ARENA_NEW(ps->arena, type)
#define ARGS(e) ((e)->args)
}

%syntax_error {
	int expected[YYNTOKEN], n = 0, t;
	YYACTIONTYPE state = yypParser->yytos->stateno;
	bool name_fits = false;

	if (state <= YY_MAX_SHIFT) {
		for (t = 1; t < YYNTOKEN; t++) {
			YYACTIONTYPE act = yy_find_shift_action((YYCODETYPE)t, state);

			if (act == YY_ERROR_ACTION || act == YY_NO_ACTION)
				continue;
			if (act >= YY_MIN_REDUCE)
				continue; /* may turn out wrong after the reduction */
			if (t == TK_ID)
				name_fits = true;
			expected[n++] = t;
		}
	}
	fl_parse_syntax_error(ps, &TOKEN, expected, n, name_fits);
}
%stack_overflow {
	fl_parse_overflow(ps);
}

%fallback ID VIEW TEMPORARY IF KEY ENFORCED PARTITIONED METADATA VIRTUAL ASC DESC NULLS FIRST LAST
	DESCRIPTOR ZONE ERROR RETURNING UNITS.
/* Tokens that only the lexer and the syntax error know. */
%token RESERVED BAD.

%nonassoc SHORT.
%nonassoc TO.
%left OR.
%left AND.
%right NOT.
%left IS.
%left PLUS MINUS.
%left STAR SLASH PERCENT CONCAT.
%right SIGN.
%left LBRACKET.

%type stmt {struct ast_statement *}
%type insert {struct ast_statement *}
%type inserts {struct ast_list *}
%type query {struct ast_query *}
%type select {struct ast_query *}
%type union {struct ast_query *}
%type operand {struct ast_query *}
%type ctes {struct ast_list *}
%type items {struct ast_list *}
%type item {struct ast_item *}
%type from {struct ast_from *}
%type tableref {struct ast_from *}
%type expr {struct ast_expr *}
%type term {struct ast_expr *}
%type arg {struct ast_expr *}
%type where {struct ast_expr *}
%type having {struct ast_expr *}
%type whens {struct ast_expr *}
%type else {struct ast_expr *}
%type call {struct ast_expr *}
%type tvf {struct ast_expr *}
%type tvfarg {struct ast_expr *}
%type tvfargs {struct ast_list *}
%type path {struct ast_expr *}
%type group {struct ast_list *}
%type exprs {struct ast_list *}
%type args {struct ast_list *}
%type names {struct ast_list *}
%type columns {struct ast_list *}
%type sorts {struct ast_list *}
%type sort {struct ast_sort *}
%type direction {int}
%type nulls {int}
%type filter {struct ast_expr *}
%type over {struct ast_over *}
%type type {struct ast_type *}
%type basetype {struct ast_type *}
%type typelen {struct ast_type}
%type rowfields {struct ast_list *}
%type rowfield {struct ast_type_field *}
%type options {struct ast_list *}
%type with {struct ast_list *}
%type option {struct ast_option *}
%type notexists {int}
%type exists {int}
%type temp {int}
%type not {int}
%type symmetric {int}
%type alias {struct fl_token *}
%type optalias {struct fl_token *}
%type fromalias {struct ast_from}
%type metakey {struct fl_token *}
%type virtual {int}
%type primary {int}
%type test {int}
%type compare {const char *}
%type sign {int}
%type returning {struct ast_type *}
%type behaviors {struct ast_expr *}
%type missing {struct ast_expr *}
%type onempty {int}

script ::= stmts.
stmts ::= .
stmts ::= stmts SEMI.
stmts ::= stmts stmt(S) SEMI. { fl_ast_append(ps->arena, ps->statements, S); }
stmts ::= stmts EXECUTE STATEMENT SET BEGIN inserts(L) END SEMI. {
	for (uint32_t i = 0; i < L->count; i++)
		fl_ast_append(ps->arena, ps->statements, L->items[i]);
}

inserts(L) ::= insert(S) SEMI. { L = fl_ast_list(ps->arena); fl_ast_append(ps->arena, L, S); }
inserts(L) ::= inserts(M) insert(S) SEMI. { L = M; fl_ast_append(ps->arena, L, S); }

/* ---- SET ---- */
stmt(S) ::= SET(T) STRING(K) EQ STRING(V). {
	S = fl_ast_statement(ps, AST_SET, T.line, T.col);
	S->set = NEW(struct ast_option);
	S->set->key = fl_ast_token(ps, &K);
	S->set->value = fl_ast_token(ps, &V);
}

/* ---- CREATE, DROP ---- */
stmt(S) ::= CREATE(T) temp(P) TABLE notexists(X) path(N) begin_table tabledef comment partitioned with(W). {
	S = fl_ast_statement(ps, AST_CREATE_TABLE, T.line, T.col);
	S->create = ps->create;
	S->create->name = fl_ast_object(ps, N);
	S->create->temporary = P != 0;
	S->create->if_not_exists = X != 0;
	S->create->options = W;
}
stmt(S) ::= CREATE(T) temp TABLE notexists path begin_table tabledef comment partitioned with LIKE(A) path. {
	fl_parse_refuse(ps, &A, "CREATE TABLE ... LIKE", "write the columns and options out");
	S = fl_ast_statement(ps, AST_SET, T.line, T.col);
}
stmt(S) ::= CREATE(T) temp TABLE notexists path begin_table tabledef comment partitioned with AS(A) query. {
	fl_parse_refuse(ps, &A, "CREATE TABLE ... AS SELECT", "write CREATE TABLE and INSERT INTO");
	S = fl_ast_statement(ps, AST_SET, T.line, T.col);
}
stmt(S) ::= CREATE(T) temp(P) VIEW notexists(X) path(N) columns(C) comment AS query(Q). {
	S = fl_ast_statement(ps, AST_CREATE_VIEW, T.line, T.col);
	S->create = NEW(struct ast_create);
	S->create->name = fl_ast_object(ps, N);
	S->create->temporary = P != 0;
	S->create->if_not_exists = X != 0;
	S->create->view_columns = C;
	S->create->query = Q;
}
stmt(S) ::= DROP(T) temp TABLE exists(X) path(N). {
	S = fl_ast_statement(ps, AST_DROP_TABLE, T.line, T.col);
	S->name = fl_ast_object(ps, N);
	S->if_exists = X != 0;
}
stmt(S) ::= DROP(T) temp VIEW exists(X) path(N). {
	S = fl_ast_statement(ps, AST_DROP_VIEW, T.line, T.col);
	S->name = fl_ast_object(ps, N);
	S->if_exists = X != 0;
}

temp(A) ::= . { A = 0; }
temp(A) ::= TEMPORARY. { A = 1; }
notexists(A) ::= . { A = 0; }
notexists(A) ::= IF NOT EXISTS. { A = 1; }
exists(A) ::= . { A = 0; }
exists(A) ::= IF EXISTS. { A = 1; }
comment ::= .
comment ::= COMMENT STRING.

begin_table ::= . {
	ps->create = NEW(struct ast_create);
	ps->create->columns = fl_ast_list(ps->arena);
}
tabledef ::= .
tabledef ::= LP tableitems RP.
tableitems ::= tableitem.
tableitems ::= tableitems COMMA tableitem.
tableitem ::= name(N) type(T) primary(P) comment. {
	struct ast_column *col = NEW(struct ast_column);

	col->kind = AST_COLUMN_PHYSICAL;
	col->name = fl_ast_token(ps, &N);
	col->type = T;
	col->is_primary = P != 0;
	fl_ast_append(ps->arena, ps->create->columns, col);
}
tableitem ::= name(N) type(T) METADATA metakey(K) virtual(V) comment. {
	struct ast_column *col = NEW(struct ast_column);

	col->kind = AST_COLUMN_METADATA;
	col->name = fl_ast_token(ps, &N);
	col->type = T;
	col->metadata_key = K;
	col->is_virtual = V != 0;
	fl_ast_append(ps->arena, ps->create->columns, col);
}
tableitem ::= name(N) AS expr(E) comment. {
	struct ast_column *col = NEW(struct ast_column);

	col->kind = AST_COLUMN_COMPUTED;
	col->name = fl_ast_token(ps, &N);
	col->computed = E;
	fl_ast_append(ps->arena, ps->create->columns, col);
}
tableitem ::= WATERMARK(T) FOR path(N) AS expr(E). {
	if (ps->create->watermark != NULL)
		(void)fl_source_fail(ps->src, FL_E_SQL_BIND, T.line, T.col, NULL,
		    "a table has at most one WATERMARK");
	else if (ARGS(N)->count > 1)
		fl_parse_refuse(ps, &T, "WATERMARK on a nested field", NULL);
	ps->create->watermark = NEW(struct ast_watermark);
	ps->create->watermark->column = ARGS(N)->items[0];
	ps->create->watermark->expr = E;
}
tableitem ::= key(T) LP names(L) RP enforced. {
	if (ps->create->primary != NULL)
		(void)fl_source_fail(ps->src, FL_E_SQL_BIND, T.line, T.col, NULL,
		    "a table has at most one PRIMARY KEY");
	ps->create->primary = L;
}
primarykey(A) ::= PRIMARY(T) KEY. {
	A = T;
	ps->create->primary_line = T.line;
	ps->create->primary_col = T.col;
}
key(A) ::= primarykey(T). { A = T; }
key(A) ::= CONSTRAINT name primarykey(T). { A = T; }
enforced ::= NOT ENFORCED.
enforced ::= ENFORCED(T). { fl_parse_enforced(ps, T.line, T.col); }
enforced ::= . { fl_parse_enforced(ps, ps->create->primary_line, ps->create->primary_col); }
primary(A) ::= . { A = 0; }
primary(A) ::= primarykey enforced. { A = 1; }
metakey(A) ::= . { A = NULL; }
metakey(A) ::= FROM STRING(S). { A = fl_ast_token(ps, &S); }
virtual(A) ::= . { A = 0; }
virtual(A) ::= VIRTUAL. { A = 1; }

partitioned ::= .
partitioned ::= PARTITIONED BY LP names(L) RP. { ps->create->partitioned = L; }

with(A) ::= . { A = NULL; }
with(A) ::= WITH LP options(L) RP. { A = L; }
with(A) ::= WITH LP RP. { A = fl_ast_list(ps->arena); }
options(L) ::= option(O). { L = fl_ast_list(ps->arena); fl_ast_append(ps->arena, L, O); }
options(L) ::= options(M) COMMA option(O). { L = M; fl_ast_append(ps->arena, L, O); }
option(O) ::= STRING(K) EQ STRING(V). {
	O = NEW(struct ast_option);
	O->key = fl_ast_token(ps, &K);
	O->value = fl_ast_token(ps, &V);
}

/* ---- types ---- */
type(T) ::= basetype(B). { T = B; }
type(T) ::= basetype(B) NULL. { T = B; }
type(T) ::= basetype(B) NOT NULL. { T = B; T->nullable = false; }
basetype(T) ::= TYPE(N) typelen(L). {
	T = fl_ast_type(ps, &N);
	T->has_length = L.has_length;
	T->has_scale = L.has_scale;
	T->length = L.length;
	T->scale = L.scale;
}
basetype(T) ::= TYPE(N) PRECISION. { T = fl_ast_type(ps, &N); }
basetype(T) ::= TYPE(N) VARYING typelen(L). {
	T = fl_ast_type(ps, &N);
	T->name = T->name[0] == 'B' ? "VARBINARY" : "VARCHAR";
	T->has_length = L.has_length;
	T->length = L.length;
}
basetype(T) ::= TIMESTAMP(N) typelen(L) zone(Z). {
	T = fl_ast_type(ps, &N);
	T->has_length = L.has_length;
	T->length = L.length;
	T->local_zone = Z.code == TK_LOCAL;
	if (Z.code == TK_WITH)
		fl_parse_refuse(ps, &Z, "TIMESTAMP WITH TIME ZONE", "use TIMESTAMP_LTZ");
}
basetype(T) ::= TIME(N) typelen. {
	T = fl_ast_type(ps, &N);
	fl_parse_refuse(ps, &N, "the type TIME", "use TIMESTAMP(3) or INT");
}
basetype(T) ::= DATE(N). { T = fl_ast_type(ps, &N); }
basetype(T) ::= INTERVAL(N) UNIT. {
	T = fl_ast_type(ps, &N);
	fl_parse_refuse(ps, &N, "INTERVAL as a column type", "use BIGINT");
}
basetype(T) ::= ID(N) typelen. { T = fl_ast_type(ps, &N); }
basetype(T) ::= ROW(N) LT rowfields(L) GT. {
	T = fl_ast_type(ps, &N);
	T->fields = L;
}
basetype(T) ::= ROW(N) LP rowfields(L) RP. {
	T = fl_ast_type(ps, &N);
	T->fields = L;
}
basetype(T) ::= ARRAY(N) LT type(E) GT. {
	T = fl_ast_type(ps, &N);
	T->element = E;
}
basetype(T) ::= basetype(E) ARRAY(N). {
	T = fl_ast_type(ps, &N);
	T->element = E;
}
rowfields(L) ::= rowfield(F). { L = fl_ast_list(ps->arena); fl_ast_append(ps->arena, L, F); }
rowfields(L) ::= rowfields(M) COMMA rowfield(F). { L = M; fl_ast_append(ps->arena, L, F); }
rowfield(F) ::= name(N) type(T) rowcomment. {
	F = NEW(struct ast_type_field);
	F->name = fl_ast_token(ps, &N);
	F->type = T;
}
rowcomment ::= .
rowcomment ::= STRING.
typelen(L) ::= . { memset(&L, 0, sizeof(L)); }
typelen(L) ::= LP NUMBER(N) RP. {
	memset(&L, 0, sizeof(L));
	L.has_length = true;
	L.length = fl_ast_number(ps, &N);
}
typelen(L) ::= LP NUMBER(N) COMMA NUMBER(M) RP. {
	memset(&L, 0, sizeof(L));
	L.has_length = L.has_scale = true;
	L.length = fl_ast_number(ps, &N);
	L.scale = fl_ast_number(ps, &M);
}
zone(A) ::= . { memset(&A, 0, sizeof(A)); }
zone(A) ::= WITHOUT TIME ZONE. { memset(&A, 0, sizeof(A)); }
zone(A) ::= WITH LOCAL(B) TIME ZONE. { A = B; }
zone(A) ::= WITH(B) TIME ZONE. { A = B; }

/* ---- INSERT ---- */
stmt(S) ::= insert(I). { S = I; }
stmt(S) ::= EXECUTE insert(I). { S = I; }
insert(S) ::= INSERT(T) INTO path(N) query(Q). {
	S = fl_ast_statement(ps, AST_INSERT, T.line, T.col);
	S->insert = NEW(struct ast_insert);
	S->insert->table = fl_ast_object(ps, N);
	S->insert->query = Q;
}
insert(S) ::= INSERT(T) INTO path(N) LP names(C) RP query(Q). {
	S = fl_ast_statement(ps, AST_INSERT, T.line, T.col);
	S->insert = NEW(struct ast_insert);
	S->insert->table = fl_ast_object(ps, N);
	S->insert->columns = C;
	S->insert->query = Q;
}
insert(S) ::= INSERT(T) INTO path(N) LP query(Q) RP. {
	S = fl_ast_statement(ps, AST_INSERT, T.line, T.col);
	S->insert = NEW(struct ast_insert);
	S->insert->table = fl_ast_object(ps, N);
	S->insert->query = Q;
}
columns(A) ::= . { A = NULL; }
columns(A) ::= LP names(L) RP. { A = L; }
names(L) ::= name(N). {
	L = fl_ast_list(ps->arena);
	fl_ast_append(ps->arena, L, fl_ast_token(ps, &N));
}
names(L) ::= names(M) COMMA name(N). {
	L = M;
	fl_ast_append(ps->arena, L, fl_ast_token(ps, &N));
}
name(A) ::= ID(B). { A = B; }

/* a, t.a, db.t, catalog.db.t */
path(E) ::= ID(N). {
	E = fl_ast_expr(ps, AST_NAME, &N);
	fl_ast_append(ps->arena, ARGS(E), fl_ast_token(ps, &N));
}
path(E) ::= path(P) DOT ID(N). {
	E = P;
	fl_ast_append(ps->arena, ARGS(E), fl_ast_token(ps, &N));
}

/* ---- queries ---- */
query(Q) ::= select(S). { Q = S; }
query(Q) ::= WITH ctes(L) select(S). { Q = S; Q->ctes = L; }
query(Q) ::= union(U). { Q = U; }
query(Q) ::= WITH ctes(L) union(U). { Q = U; Q->ctes = L; }
query(Q) ::= select(S) order. { Q = S; }
query(Q) ::= union(U) order. { Q = U; }
order ::= ORDER(T) BY sorts. {
	fl_parse_refuse(ps, &T, "ORDER BY on a stream",
	    "order within a window: ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY ...)");
}
/* A query in parentheses stands only where it is a part of a UNION ALL: else
 * ((SELECT ...)) would be two things. */
operand(Q) ::= select(S). { Q = S; }
operand(Q) ::= LP query(S) RP. { Q = S; }
union(Q) ::= operand(A) UNION(T) ALL operand(B). { Q = fl_ast_union(ps, &T, A, B); }
union(Q) ::= union(A) UNION(T) ALL operand(B). { Q = fl_ast_union(ps, &T, A, B); }
union(Q) ::= operand(A) UNION(T) operand. { fl_parse_refuse(ps, &T, "UNION", "write UNION ALL"); Q = A; }
union(Q) ::= union(A) UNION(T) operand. { fl_parse_refuse(ps, &T, "UNION", "write UNION ALL"); Q = A; }
ctes(L) ::= name(N) AS LP query(Q) RP. {
	struct ast_cte *cte = NEW(struct ast_cte);

	cte->name = fl_ast_token(ps, &N);
	cte->query = Q;
	L = fl_ast_list(ps->arena);
	fl_ast_append(ps->arena, L, cte);
}
ctes(L) ::= ctes(M) COMMA name(N) AS LP query(Q) RP. {
	struct ast_cte *cte = NEW(struct ast_cte);

	cte->name = fl_ast_token(ps, &N);
	cte->query = Q;
	L = M;
	fl_ast_append(ps->arena, L, cte);
}
select(Q) ::= SELECT(T) all items(I) from(F) where(W) group(G) having(H). {
	Q = NEW(struct ast_query);
	Q->line = T.line;
	Q->col = T.col;
	Q->items = I;
	Q->from = F;
	Q->where = W;
	Q->group = G;
	Q->having = H;
}
all ::= .
all ::= ALL.
items(L) ::= item(I). { L = fl_ast_list(ps->arena); fl_ast_append(ps->arena, L, I); }
items(L) ::= items(M) COMMA item(I). { L = M; fl_ast_append(ps->arena, L, I); }
item(I) ::= expr(E) optalias(A). {
	I = NEW(struct ast_item);
	I->expr = E;
	I->alias = A;
}
item(I) ::= STAR(T). {
	I = NEW(struct ast_item);
	I->expr = fl_ast_expr(ps, AST_STAR, &T);
}
item(I) ::= path(P) DOT STAR(T). {
	I = NEW(struct ast_item);
	I->expr = fl_ast_expr(ps, AST_STAR, &T);
	I->expr->args = ARGS(P);
}
optalias(A) ::= . { A = NULL; }
optalias(A) ::= alias(B). { A = B; }
alias(A) ::= AS name(N). { A = fl_ast_token(ps, &N); }
alias(A) ::= name(N). { A = fl_ast_token(ps, &N); }

from(F) ::= . { F = NULL; }
from(F) ::= FROM tableref(T). { F = T; }
from(F) ::= FROM tableref(T) COMMA(C) tablerefs. {
	fl_parse_refuse(ps, &C, "a join", NULL);
	F = T;
}
tablerefs ::= tableref.
tablerefs ::= tablerefs COMMA tableref.
tableref(F) ::= path(P) fromalias(A). {
	F = NEW(struct ast_from);
	*F = A;
	F->kind = AST_FROM_NAME;
	F->line = P->line;
	F->col = P->col;
	F->name = fl_ast_object(ps, P);
}
tableref(F) ::= LP(T) query(Q) RP fromalias(A). {
	F = NEW(struct ast_from);
	*F = A;
	F->kind = AST_FROM_QUERY;
	F->line = T.line;
	F->col = T.col;
	F->query = Q;
}
tableref(F) ::= TABLE(T) LP tvf(C) RP fromalias(A). {
	F = NEW(struct ast_from);
	*F = A;
	F->kind = AST_FROM_TVF;
	F->line = T.line;
	F->col = T.col;
	F->call = C;
	F->wrapped = true;
}
tableref(F) ::= tvf(C) fromalias(A). {
	F = NEW(struct ast_from);
	*F = A;
	F->kind = AST_FROM_TVF;
	F->line = C->line;
	F->col = C->col;
	F->call = C;
}
fromalias(F) ::= . { memset(&F, 0, sizeof(F)); }
fromalias(F) ::= alias(A) columns(C). {
	memset(&F, 0, sizeof(F));
	F.alias = A;
	F.alias_columns = C;
}
tvf(E) ::= ID(N) LP tvfargs(L) RP. {
	E = fl_ast_expr(ps, AST_CALL, &N);
	fl_ast_args(ps, E, L);
}
tvfargs(L) ::= tvfarg(E). { L = fl_ast_list(ps->arena); fl_ast_append(ps->arena, L, E); }
tvfargs(L) ::= tvfargs(M) COMMA tvfarg(E). { L = M; fl_ast_append(ps->arena, L, E); }
tvfarg(E) ::= expr(A). { E = A; }
tvfarg(E) ::= ID(N) ARROW tvfarg(A). {
	E = fl_ast_expr(ps, AST_NAMED, &N);
	fl_ast_arg(ps, E, A);
}
tvfarg(E) ::= TABLE(T) path(P). {
	E = fl_ast_expr(ps, AST_TABLE, &T);
	(void)fl_ast_object(ps, P);
	fl_ast_arg(ps, E, P);
}
tvfarg(E) ::= DESCRIPTOR(T) LP names(L) RP. {
	E = fl_ast_expr(ps, AST_DESCRIPTOR, &T);
	E->args = L;
}

where(E) ::= . { E = NULL; }
where(E) ::= WHERE expr(A). { E = A; }
having(E) ::= . { E = NULL; }
having(E) ::= HAVING expr(A). { E = A; }
group(L) ::= . { L = NULL; }
group(L) ::= GROUP BY exprs(A). { L = A; }
group(L) ::= GROUP BY LP(T) RP. {
	fl_parse_refuse(ps, &T, "an empty grouping set", "group by window_start, window_end");
	L = fl_ast_list(ps->arena);
}

/* ---- expressions ---- */
exprs(L) ::= expr(E). { L = fl_ast_list(ps->arena); fl_ast_append(ps->arena, L, E); }
exprs(L) ::= exprs(M) COMMA expr(E). { L = M; fl_ast_append(ps->arena, L, E); }

expr(E) ::= term(A). { E = A; }
expr(E) ::= expr(A) AND expr(B). { E = fl_ast_chain(ps, AST_AND, A, B); }
expr(E) ::= expr(A) OR expr(B). { E = fl_ast_chain(ps, AST_OR, A, B); }
expr(E) ::= NOT(T) expr(A). { E = fl_ast_expr(ps, AST_NOT, &T); fl_ast_arg(ps, E, A); }
expr(E) ::= expr(A) IS(T) not(N) test(K). {
	E = fl_ast_expr(ps, AST_IS, &T);
	E->line = A->line;
	E->col = A->col;
	E->negated = N != 0;
	E->test = (enum ast_test)K;
	fl_ast_arg(ps, E, A);
}
expr(E) ::= expr(A) IS(T) not(N) DISTINCT FROM term(B). {
	E = fl_ast_expr(ps, AST_IS, &T);
	E->negated = N != 0;
	E->test = AST_IS_DISTINCT;
	fl_ast_arg(ps, E, A);
	fl_ast_arg(ps, E, B);
}
test(A) ::= NULL. { A = AST_IS_NULL; }
test(A) ::= TRUE. { A = AST_IS_TRUE; }
test(A) ::= FALSE. { A = AST_IS_FALSE; }
test(A) ::= UNKNOWN. { A = AST_IS_UNKNOWN; }
not(A) ::= . { A = 0; }
not(A) ::= NOT. { A = 1; }

expr(E) ::= term(A) compare(C) term(B). { E = fl_ast_op(ps, AST_OP, C, A, B); }
compare(A) ::= EQ. { A = "="; }
compare(A) ::= NE. { A = "<>"; }
compare(A) ::= LT. { A = "<"; }
compare(A) ::= LE. { A = "<="; }
compare(A) ::= GT. { A = ">"; }
compare(A) ::= GE. { A = ">="; }

expr(E) ::= term(A) not(N) BETWEEN(T) symmetric(S) term(B) AND term(C). {
	E = fl_ast_expr(ps, AST_BETWEEN, &T);
	E->negated = N != 0;
	E->flag = S != 0;
	fl_ast_arg(ps, E, A);
	fl_ast_arg(ps, E, B);
	fl_ast_arg(ps, E, C);
}
symmetric(A) ::= . { A = 0; }
symmetric(A) ::= ASYMMETRIC. { A = 0; }
symmetric(A) ::= SYMMETRIC. { A = 1; }
expr(E) ::= term(A) not(N) IN(T) LP exprs(L) RP. {
	E = fl_ast_expr(ps, AST_IN, &T);
	E->negated = N != 0;
	fl_ast_arg(ps, E, A);
	fl_ast_args(ps, E, L);
}
expr(E) ::= term(A) not IN(T) LP query RP. {
	fl_parse_refuse(ps, &T, "IN with a subquery", NULL);
	E = A;
}
expr(E) ::= term(A) not(N) LIKE(T) term(B). {
	E = fl_ast_expr(ps, AST_LIKE, &T);
	E->negated = N != 0;
	fl_ast_arg(ps, E, A);
	fl_ast_arg(ps, E, B);
}
expr(E) ::= term(A) not(N) LIKE(T) term(B) ESCAPE term(C). {
	E = fl_ast_expr(ps, AST_LIKE, &T);
	E->negated = N != 0;
	fl_ast_arg(ps, E, A);
	fl_ast_arg(ps, E, B);
	fl_ast_arg(ps, E, C);
}

term(E) ::= path(P). { E = P; }
term(E) ::= NUMBER(T). { E = fl_ast_expr(ps, AST_NUMBER, &T); }
term(E) ::= STRING(T). { E = fl_ast_expr(ps, AST_STRING, &T); }
term(E) ::= TRUE(T). { E = fl_ast_expr(ps, AST_TRUE, &T); }
term(E) ::= FALSE(T). { E = fl_ast_expr(ps, AST_FALSE, &T); }
term(E) ::= NULL(T). { E = fl_ast_expr(ps, AST_NULL, &T); }
term(E) ::= UNKNOWN(T). { E = fl_ast_expr(ps, AST_NULL, &T); E->flag = true; }
term(E) ::= TIMESTAMP(T) STRING(S). {
	E = fl_ast_expr(ps, AST_TIMESTAMP, &S);
	E->line = T.line;
	E->col = T.col;
}
term(E) ::= DATE(T) STRING(S). {
	E = fl_ast_expr(ps, AST_DATE, &S);
	E->line = T.line;
	E->col = T.col;
}
term(E) ::= INTERVAL(T) sign(N) STRING(S) UNIT(U) typelen(P). [SHORT] {
	E = fl_ast_expr(ps, AST_INTERVAL, &S);
	E->line = T.line;
	E->col = T.col;
	E->negated = N != 0;
	E->unit = fl_ast_unit(ps, &U);
	E->precision = P.has_length ? (uint32_t)FL_MIN(FL_MAX(P.length, 1), 10) : 0;
}
term(E) ::= INTERVAL(T) sign(N) STRING(S) UNITS(U). {
	E = fl_ast_expr(ps, AST_INTERVAL, &S);
	E->line = T.line;
	E->col = T.col;
	E->negated = N != 0;
	E->unit = fl_ast_unit(ps, &U);
}
term(E) ::= INTERVAL(T) sign(N) STRING(S) UNIT(U) typelen(P) TO UNIT(V) typelen. {
	E = fl_ast_expr(ps, AST_INTERVAL, &S);
	E->line = T.line;
	E->col = T.col;
	E->negated = N != 0;
	E->unit = fl_ast_unit(ps, &U);
	E->precision = P.has_length ? (uint32_t)FL_MIN(FL_MAX(P.length, 1), 10) : 0;
	E->unit_to = fl_ast_unit(ps, &V);
}
sign(A) ::= . { A = 0; }
sign(A) ::= PLUS. { A = 0; }
sign(A) ::= MINUS. { A = 1; }

term(E) ::= LP expr(A) RP. { E = A; }
term(E) ::= LP(T) expr COMMA exprs RP. {
	fl_parse_refuse(ps, &T, "a ROW value", NULL);
	E = fl_ast_expr(ps, AST_ROW, &T);
}
term(E) ::= ROW(T) LP exprs RP. {
	fl_parse_refuse(ps, &T, "a ROW value", NULL);
	E = fl_ast_expr(ps, AST_ROW, &T);
}
term(E) ::= LP(T) query(Q) RP. {
	E = fl_ast_expr(ps, AST_SUBQUERY, &T);
	E->query = Q;
}
term(E) ::= term(A) LBRACKET(T) expr(I) RBRACKET. {
	E = fl_ast_expr(ps, AST_INDEX, &T);
	fl_ast_arg(ps, E, A);
	fl_ast_arg(ps, E, I);
}
term(E) ::= term(A) PLUS term(B). { E = fl_ast_op(ps, AST_OP, "+", A, B); }
term(E) ::= term(A) MINUS term(B). { E = fl_ast_op(ps, AST_OP, "-", A, B); }
term(E) ::= term(A) STAR term(B). { E = fl_ast_op(ps, AST_OP, "*", A, B); }
term(E) ::= term(A) SLASH term(B). { E = fl_ast_op(ps, AST_OP, "/", A, B); }
term(E) ::= term(A) PERCENT term(B). { E = fl_ast_op(ps, AST_OP, "%", A, B); }
term(E) ::= term(A) CONCAT term(B). { E = fl_ast_op(ps, AST_OP, "||", A, B); }
term(E) ::= MINUS(T) term(A). [SIGN] {
	E = fl_ast_expr(ps, AST_OP, &T);
	fl_ast_arg(ps, E, A);
}
term(E) ::= PLUS term(A). [SIGN] { E = A; }

term(E) ::= CASE(T) whens(W) else(X) END. {
	E = fl_ast_expr(ps, AST_CASE, &T);
	fl_ast_args(ps, E, ARGS(W));
	if (X != NULL)
		fl_ast_arg(ps, E, X);
	else
		fl_ast_arg(ps, E, fl_ast_expr(ps, AST_NULL, &T));
}
term(E) ::= CASE(T) expr(O) whens(W) else(X) END. {
	E = fl_ast_expr(ps, AST_CASE, &T);
	E->flag = true;
	fl_ast_arg(ps, E, O);
	fl_ast_args(ps, E, ARGS(W));
	if (X != NULL)
		fl_ast_arg(ps, E, X);
	else
		fl_ast_arg(ps, E, fl_ast_expr(ps, AST_NULL, &T));
}
whens(W) ::= WHEN(T) expr(A) THEN expr(B). {
	W = fl_ast_expr(ps, AST_CASE, &T);
	fl_ast_arg(ps, W, A);
	fl_ast_arg(ps, W, B);
}
whens(W) ::= whens(V) WHEN expr(A) THEN expr(B). {
	W = V;
	fl_ast_arg(ps, W, A);
	fl_ast_arg(ps, W, B);
}
else(E) ::= . { E = NULL; }
else(E) ::= ELSE expr(A). { E = A; }

term(E) ::= CAST(T) LP expr(A) AS type(Y) RP. {
	E = fl_ast_expr(ps, AST_CAST, &T);
	E->type = Y;
	fl_ast_arg(ps, E, A);
}
term(E) ::= TRY_CAST(T) LP expr(A) AS type(Y) RP. {
	E = fl_ast_expr(ps, AST_CAST, &T);
	E->flag = true;
	E->type = Y;
	fl_ast_arg(ps, E, A);
}
term(E) ::= JSON_VALUE(T) LP expr(A) COMMA expr(B) returning(Y) behaviors(L) RP. {
	E = fl_ast_expr(ps, AST_JSON, &T);
	E->type = Y;
	fl_ast_arg(ps, E, A);
	fl_ast_arg(ps, E, B);
	fl_ast_args(ps, E, ARGS(L));
}
term(E) ::= JSON_EXISTS(T) LP expr(A) COMMA expr(B) RP. {
	E = fl_ast_expr(ps, AST_JSON, &T);
	E->flag = true;
	fl_ast_arg(ps, E, A);
	fl_ast_arg(ps, E, B);
}
term(E) ::= JSON_EXISTS(T) LP expr(A) COMMA expr(B) exists_word(W) ON ERROR RP. {
	E = fl_ast_expr(ps, AST_JSON, &T);
	E->flag = true;
	fl_ast_arg(ps, E, A);
	fl_ast_arg(ps, E, B);
	fl_ast_arg(ps, E, fl_ast_word(ps, &W));
}
exists_word(A) ::= TRUE(B). { A = B; }
exists_word(A) ::= FALSE(B). { A = B; }
exists_word(A) ::= UNKNOWN(B). { A = B; }
exists_word(A) ::= ERROR(B). { A = B; }
returning(Y) ::= . { Y = NULL; }
returning(Y) ::= RETURNING basetype(A). { Y = A; }
/* One after the other: flag means ON EMPTY; text NULL, ERROR or DEFAULT and its value. */
behaviors(L) ::= . {
	static const struct fl_token none = { .text = "" };

	L = fl_ast_expr(ps, AST_ROW, &none);
}
behaviors(L) ::= behaviors(M) missing(B) ON onempty(W). {
	L = M;
	B->flag = W != 0;
	fl_ast_arg(ps, L, B);
}
missing(E) ::= NULL(T). { E = fl_ast_word(ps, &T); }
missing(E) ::= ERROR(T). { E = fl_ast_word(ps, &T); }
missing(E) ::= DEFAULT(T) term(A). {
	E = fl_ast_word(ps, &T);
	fl_ast_arg(ps, E, A);
}
onempty(W) ::= EMPTY. { W = 1; }
onempty(W) ::= ERROR. { W = 0; }
term(E) ::= EXTRACT(T) LP unit(U) FROM expr(A) RP. {
	E = fl_ast_expr(ps, AST_EXTRACT, &T);
	E->unit = fl_ast_unit(ps, &U);
	fl_ast_arg(ps, E, A);
}
unit(A) ::= UNIT(B). { A = B; }
unit(A) ::= UNITS(B). { A = B; }
unit(A) ::= ID(B). { A = B; }
term(E) ::= SUBSTRING(T) LP args(L) RP. {
	E = fl_ast_expr(ps, AST_CALL, &T);
	fl_ast_args(ps, E, L);
}
term(E) ::= SUBSTRING(T) LP expr(A) FROM expr(B) RP. {
	E = fl_ast_expr(ps, AST_CALL, &T);
	fl_ast_arg(ps, E, A);
	fl_ast_arg(ps, E, B);
}
term(E) ::= SUBSTRING(T) LP expr(A) FROM expr(B) FOR expr(C) RP. {
	E = fl_ast_expr(ps, AST_CALL, &T);
	fl_ast_arg(ps, E, A);
	fl_ast_arg(ps, E, B);
	fl_ast_arg(ps, E, C);
}
term(E) ::= TRIM(T) LP expr(A) RP. {
	E = fl_ast_expr(ps, AST_CALL, &T);
	fl_ast_arg(ps, E, A);
}
term(E) ::= TRIM(T) LP expr(A) FROM expr(B) RP. {
	E = fl_ast_expr(ps, AST_CALL, &T);
	E->text = "BTRIM";
	fl_ast_arg(ps, E, B);
	fl_ast_arg(ps, E, A);
}
term(E) ::= TRIM(T) LP trimside(S) FROM expr(B) RP. {
	E = fl_ast_expr(ps, AST_CALL, &T);
	E->text = S.code == TK_BOTH ? "TRIM" : S.code == TK_LEADING ? "LTRIM" : "RTRIM";
	fl_ast_arg(ps, E, B);
}
term(E) ::= TRIM(T) LP trimside(S) expr(A) FROM expr(B) RP. {
	E = fl_ast_expr(ps, AST_CALL, &T);
	E->text = S.code == TK_BOTH ? "BTRIM" : S.code == TK_LEADING ? "LTRIM" : "RTRIM";
	fl_ast_arg(ps, E, B);
	fl_ast_arg(ps, E, A);
}
/* The IN of POSITION is a token of its own (parse.c), or it would begin a list. */
term(E) ::= POSITION(T) LP term(A) INSIDE term(B) RP. {
	E = fl_ast_expr(ps, AST_CALL, &T);
	fl_ast_arg(ps, E, A);
	fl_ast_arg(ps, E, B);
}
trimside(A) ::= BOTH(B). { A = B; }
trimside(A) ::= LEADING(B). { A = B; }
trimside(A) ::= TRAILING(B). { A = B; }

/* CURRENT_TIMESTAMP and its kin; the binder knows which may stand alone. */
term(E) ::= FUNC(T). { E = fl_ast_expr(ps, AST_CALL, &T); E->flag = true; E->negated = true; }
term(E) ::= call(C) filter(F) over(O). {
	E = C;
	E->filter = F;
	E->over = O;
	if (F != NULL)
		E->depth = FL_MAX(E->depth, F->depth + 1);
}
call(E) ::= func(N) LP RP. { E = fl_ast_expr(ps, AST_CALL, &N); }
call(E) ::= func(N) LP args(L) RP. {
	E = fl_ast_expr(ps, AST_CALL, &N);
	fl_ast_args(ps, E, L);
}
call(E) ::= func(N) LP ALL args(L) RP. {
	E = fl_ast_expr(ps, AST_CALL, &N);
	fl_ast_args(ps, E, L);
}
call(E) ::= func(N) LP DISTINCT args(L) RP. {
	E = fl_ast_expr(ps, AST_CALL, &N);
	E->distinct = true;
	fl_ast_args(ps, E, L);
}
call(E) ::= func(N) LP STAR RP. {
	E = fl_ast_expr(ps, AST_CALL, &N);
	E->flag = true;
}
call(E) ::= func(N) LP expr(A) TO(T) unit RP. {
	fl_parse_refuse(ps, &T, "rounding a time to a unit",
	    "use DATE_FORMAT, or seconds divided by the unit");
	E = fl_ast_expr(ps, AST_CALL, &N);
	fl_ast_arg(ps, E, A);
}
func(A) ::= ID(B). { A = B; }
func(A) ::= FUNC(B). { A = B; }
func(A) ::= UNIT(B). { A = B; }
func(A) ::= LEFT(B). { A = B; }
func(A) ::= RIGHT(B). { A = B; }
args(L) ::= arg(E). { L = fl_ast_list(ps->arena); fl_ast_append(ps->arena, L, E); }
args(L) ::= args(M) COMMA arg(E). { L = M; fl_ast_append(ps->arena, L, E); }
arg(E) ::= expr(A). { E = A; }
arg(E) ::= UNIT(U). { E = fl_ast_expr(ps, AST_UNIT, &U); E->unit = fl_ast_unit(ps, &U); }
filter(E) ::= . { E = NULL; }
filter(E) ::= FILTER LP WHERE expr(A) RP. { E = A; }
over(O) ::= . { O = NULL; }
over(O) ::= OVER(T) LP partition(P) orderby(S) RP. {
	O = NEW(struct ast_over);
	O->line = T.line;
	O->col = T.col;
	O->partition = P;
	O->order = S;
}
over(O) ::= OVER(T) ID. {
	fl_parse_refuse(ps, &T, "a named WINDOW", NULL);
	O = NULL;
}
%type partition {struct ast_list *}
%type orderby {struct ast_list *}
partition(L) ::= . { L = NULL; }
partition(L) ::= PARTITION BY exprs(A). { L = A; }
orderby(L) ::= . { L = NULL; }
orderby(L) ::= ORDER BY sorts(A). { L = A; }
sorts(L) ::= sort(S). { L = fl_ast_list(ps->arena); fl_ast_append(ps->arena, L, S); }
sorts(L) ::= sorts(M) COMMA sort(S). { L = M; fl_ast_append(ps->arena, L, S); }
sort(S) ::= expr(E) direction(D) nulls(N). {
	S = NEW(struct ast_sort);
	S->expr = E;
	S->descending = D != 0;
	S->nulls = (enum ast_nulls)N;
}
direction(A) ::= . { A = 0; }
direction(A) ::= ASC. { A = 0; }
direction(A) ::= DESC. { A = 1; }
nulls(A) ::= . { A = AST_NULLS_DEFAULT; }
nulls(A) ::= NULLS FIRST. { A = AST_NULLS_FIRST; }
nulls(A) ::= NULLS LAST. { A = AST_NULLS_LAST; }
