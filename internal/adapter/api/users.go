package api

import (
	"context"
	"net/http"
	"time"

	"github.com/loopers-commerce/commerce/internal/domain/user"
)

type signUpInput struct {
	Body struct {
		LoginID   string `json:"loginId" pattern:"^[A-Za-z0-9]{1,10}$" patternDescription:"1 to 10 letters and digits" doc:"Unique whatever its case: Kim and kim are one user." example:"kim"`
		Email     string `json:"email" format:"email" maxLength:"254" doc:"Unique whatever its case. At most 254 bytes in UTF-8, with a domain that has a dot." example:"kim@example.com"`
		BirthDate string `json:"birthDate" format:"date" doc:"Must not be in the future." example:"1999-12-31"`
		Gender    string `json:"gender" enum:"MALE,FEMALE"`
		Password  string `json:"password" minLength:"8" maxLength:"128" doc:"8 to 128 characters, counted in Unicode's composed form (NFC). Blanks count, and are not cut. Any keyboard's form of a character is the same; control and direction characters are refused." example:"correct horse"`
	}
}

type logInInput struct {
	Body struct {
		LoginID  string `json:"loginId" maxLength:"100" doc:"In any case." example:"kim"`
		Password string `json:"password" maxLength:"1000" example:"correct horse"`
	}
}

type userBody struct {
	ID        string    `json:"id" format:"uuid"`
	LoginID   string    `json:"loginId" example:"kim"`
	Email     string    `json:"email" format:"email" example:"kim@example.com"`
	BirthDate string    `json:"birthDate" format:"date" example:"1999-12-31"`
	Gender    string    `json:"gender" enum:"MALE,FEMALE"`
	CreatedAt time.Time `json:"createdAt"`
}

type sessionBody struct {
	Token     string    `json:"token"`
	TokenType string    `json:"tokenType" enum:"Bearer"`
	ExpiresAt time.Time `json:"expiresAt"`
}

const mePath = "/api/v1/users/me"

func (s *service) registerUsers() {
	const tag = "Users"
	register(s, route{http.MethodPost, "/api/v1/users", "signUp", "Sign up", tag, anyone, http.StatusCreated}, s.signUp, inFlow(logInFlow))
	register(s, route{http.MethodPost, "/api/v1/sessions", "logIn", "Log in", tag, anyone, http.StatusCreated}, s.logIn, inFlow(logInFlow))
	register(s, route{http.MethodGet, mePath, "getMe", "Get my user", tag, users, 0}, s.me)
}

func (s *service) signUp(ctx context.Context, in *signUpInput) (*createdOutput[userBody], error) {
	b := in.Body
	u, err := s.config.Accounts.SignUp(ctx, user.Application{
		LoginID: b.LoginID, Email: b.Email, BirthDate: b.BirthDate, Gender: user.Gender(b.Gender), Password: b.Password,
	})
	if err != nil {
		return nil, err
	}
	return &createdOutput[userBody]{mePath, toUserBody(u)}, nil
}

func (s *service) logIn(ctx context.Context, in *logInInput) (*output[sessionBody], error) {
	session, err := s.config.Accounts.LogIn(ctx, in.Body.LoginID, in.Body.Password)
	if err != nil {
		return nil, err
	}
	return &output[sessionBody]{sessionBody{session.Token, "Bearer", utc(session.ExpiresAt)}}, nil
}

func (s *service) me(ctx context.Context, _ *empty) (*output[userBody], error) {
	u, err := s.config.Accounts.Me(ctx, currentUser(ctx))
	if err != nil {
		return nil, err
	}
	return &output[userBody]{toUserBody(u)}, nil
}

func toUserBody(u user.User) userBody {
	return userBody{
		ID: u.ID.String(), LoginID: u.LoginID, Email: u.Email, BirthDate: u.BirthDate,
		Gender: string(u.Gender), CreatedAt: utc(u.CreatedAt),
	}
}
